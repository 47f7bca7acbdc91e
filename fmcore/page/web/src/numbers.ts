/** Numbers as people read them: three digits that count, a true minus sign. */

import { local, ordered, say } from "./say";

export function figure(value: number, digits = 3): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 10 ** digits
      ? Math.round(size).toLocaleString("en")
      : size < 1e-4
        ? powerOfTen(size.toExponential(digits - 1))
        : String(Number(size.toPrecision(digits)));
  return local(value < 0 ? `−${text}` : text);
}

/** `2.35 · 10⁻⁶` of `2.35e-6`. */
function powerOfTen(written: string): string {
  const [mantissa, exponent] = written.split("e") as [string, string];
  const raised = [...exponent.replace("+", "")].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[+sign]));
  return `${mantissa} · 10${raised.join("")}`;
}

/** With exactly so many decimals. */
export function fixed(value: number, decimals: number): string {
  return local(value.toFixed(decimals));
}

export function whole(value: number): string {
  return local(value.toLocaleString("en"));
}

export function percent(share: number): string {
  const hundredths = 100 * share;
  if (hundredths > 99.9 && hundredths < 100) return say("over {1}%", local("99.9"));
  if (hundredths > 0 && hundredths < 0.1) return say("under {1}%", local("0.1"));
  return say("{1}%", fixed(hundredths, 1));
}

/** The name of a layer as a sentence says it: "layer 0" where it is nothing but a number or a word. */
export function called(layer: string): string {
  return /^(?:[\d.]+|\p{L}+)$/u.test(layer) ? say("layer {1}", layer) : layer;
}

export function shapeOf([channels, height, width]: readonly [number, number, number]): string {
  return ordered(`${height} × ${width} × ${channels}`);
}

export function counted(number: number, noun: "epoch" | "input channel"): string {
  return say(number === 1 ? `{1} ${noun}` : `{1} ${noun}s`, whole(number));
}

export function clock(seconds: number): string {
  const whole = Math.round(seconds); // as the chapters beside the film do
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Numbers as people read them: three digits that count, a true minus sign. */

import { local, ordered, say } from "./say";

const MOST_DECIMALS = 8;

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
  const text = Math.abs(value).toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return local(value < 0 && /[1-9]/.test(text) ? `−${text}` : text);
}

/** How many decimals numbers need so that the largest of them has `digits` digits that count; null for very small ones. */
export function decimalsOf(values: readonly number[], digits: number): number | null {
  const largest = Math.max(...values.map(Math.abs));
  if (largest === 0) return 0;
  const wanted = digits - 1 - Math.floor(Math.log10(largest));
  return wanted > MOST_DECIMALS ? null : Math.max(wanted, 0);
}

/** One of several numbers that all have so many decimals, as `decimalsOf` says; a zero that is exact has none. */
export function even(value: number, decimals: number | null): string {
  return value === 0 || decimals === null ? figure(value) : fixed(value, decimals);
}

/**
 * Numbers to so many decimals that add up to `total` as it is rounded: each is rounded up or down, to the nearer side
 * wherever that does.
 */
export function summands(values: readonly number[], total: number, decimals: number): number[] {
  const unit = 10 ** -decimals;
  const steps = values.map((value) => Math.round(value / unit));
  const excess = (at: number): number => steps[at]! - values[at]! / unit; // above 0: rounded up
  for (;;) {
    const over = steps.reduce((sum, step) => sum + step, 0) - Math.round(total / unit);
    const side = Math.sign(over);
    const order = [...steps.keys()].filter((at) => side * excess(at) > 0 && Math.abs(excess(at)) <= 0.5);
    if (side === 0 || order.length === 0) return steps.map((step) => step * unit);
    steps[order.reduce((best, at) => (side * excess(at) > side * excess(best) ? at : best))]! -= side;
  }
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

/** Numbers as people read them: three digits that count, a true minus sign. */

export function figure(value: number, digits = 3): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text =
    size >= 10 ** digits
      ? Math.round(size).toLocaleString("en")
      : size < 1e-4
        ? size.toExponential(digits - 1)
        : String(Number(size.toPrecision(digits)));
  return value < 0 ? `−${text}` : text;
}

export function percent(share: number): string {
  const hundredths = 100 * share;
  if (hundredths > 99.9 && hundredths < 100) return "over 99.9%";
  if (hundredths > 0 && hundredths < 0.1) return "under 0.1%";
  return `${hundredths.toFixed(1)}%`;
}

/** What happens to a share that changes: "falls by 1.2 percentage points". */
export function moves(change: number): string {
  const hundredths = Math.abs(100 * change);
  if (hundredths === 0) return "stays as it is";
  const size = hundredths < 0.1 ? "under 0.1" : hundredths.toFixed(1);
  return `${change < 0 ? "falls" : "rises"} by ${size} percentage points`;
}

export function shapeOf([channels, height, width]: readonly [number, number, number]): string {
  return `${height} × ${width} × ${channels}`;
}

export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

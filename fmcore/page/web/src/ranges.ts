/** Smallest and largest values. */

export type Range = readonly [number, number];

export function extentOf(values: ArrayLike<number>): Range {
  let low = Infinity;
  let high = -Infinity;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Where the largest of `values` (height, width) stands: row, column. */
export function strongest(values: ArrayLike<number>, width: number): readonly [number, number] {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at]! > values[best]!) best = at;
  return [Math.floor(best / width), best % width];
}

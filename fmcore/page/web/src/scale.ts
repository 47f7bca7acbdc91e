/**
 * Colour scales: the same rule as in the film and the figures, to the last bit.
 *
 * Numbers are float32 there, so every step is rounded to float32 here, and halves go to the even level.
 */

export interface Scale {
  readonly low: number;
  readonly high: number;
  readonly table: Uint8Array; // (256, 3)
  readonly signed: boolean;
}

export interface Tables {
  readonly strength: Uint8Array;
  readonly signed: Uint8Array;
  readonly grey: Uint8Array;
}

export function tableOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Symmetric about zero where a value is negative, else from zero to the largest. */
export function scaleOf(smallest: number, largest: number, tables: Tables): Scale {
  if (smallest < 0) {
    const reach = Math.max(-smallest, largest, 0);
    return { low: -reach, high: reach, table: tables.signed, signed: true };
  }
  return { low: 0, high: Math.max(largest, 0), table: tables.strength, signed: false };
}

/** The number, from 0 to 255, of the colour of `value`. */
export function levelOf(value: number, scale: Scale): number {
  if (!(scale.high > scale.low)) return scale.signed ? 128 : 0;
  const difference = Math.fround(value - Math.fround(scale.low));
  const share = Math.fround(difference / Math.fround(scale.high - scale.low));
  return even(Math.fround(Math.min(Math.max(share, 0), 1) * 255));
}

function even(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Paint `values` (height, width) on `canvas`, one pixel a value. */
export function paint(
  canvas: HTMLCanvasElement,
  values: ArrayLike<number>,
  height: number,
  width: number,
  scale: Scale,
): void {
  drawn(canvas, height, width, (pixels) => {
    for (let at = 0; at < height * width; at++) {
      const row = 3 * levelOf(values[at]!, scale);
      pixels[4 * at] = scale.table[row]!;
      pixels[4 * at + 1] = scale.table[row + 1]!;
      pixels[4 * at + 2] = scale.table[row + 2]!;
    }
  });
}

/** Paint an image (C, height, width) of values up to `most`: three channels as colours, of others the first in grey. */
export function paintImage(
  canvas: HTMLCanvasElement,
  values: ArrayLike<number>,
  channels: number,
  height: number,
  width: number,
  most: number,
): void {
  const plane = height * width;
  const step = channels === 3 ? plane : 0;
  drawn(canvas, height, width, (pixels) => {
    for (let at = 0; at < plane; at++) {
      for (let channel = 0; channel < 3; channel++) {
        pixels[4 * at + channel] = even(Math.fround((values[at + channel * step]! / most) * 255));
      }
    }
  });
}

function drawn(
  canvas: HTMLCanvasElement,
  height: number,
  width: number,
  colour: (pixels: Uint8ClampedArray) => void,
): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d")!;
  const picture = context.createImageData(width, height);
  picture.data.fill(255);
  colour(picture.data);
  context.putImageData(picture, 0, 0);
}

/** Whether black or white reads better on the colour of `value`, by relative luminance (WCAG 2). */
export function inkOn(value: number, scale: Scale): "black" | "white" {
  const row = 3 * levelOf(value, scale);
  const [red, green, blue] = [0, 1, 2].map((at) => {
    const share = scale.table[row + at]! / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "black" : "white";
}

export function colourOf(value: number, scale: Scale): string {
  const row = 3 * levelOf(value, scale);
  return `rgb(${scale.table[row]} ${scale.table[row + 1]} ${scale.table[row + 2]})`;
}

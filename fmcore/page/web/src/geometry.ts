/** Where a place of a map lies on the image, and which pixels it sees. */

import type { Layer } from "./contract";

export type Place = readonly [number, number]; // row, column

export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The pixels of the network's input that `place` is computed from: all of them where it is, null where nobody knows. */
export function fieldOf(layer: Layer, place: Place, input: readonly [number, number, number]): Box | null {
  const { size, jump, start, whole, exact, local } = layer.field;
  if (whole && !exact) return null;
  if (whole && !local) return { top: 0, left: 0, height: input[1], width: input[2] };
  const [top, left] = [0, 1].map((axis) => start[axis]! + place[axis]! * jump[axis]! - size[axis]! / 2) as [
    number,
    number,
  ];
  return { top, left, height: size[0], width: size[1] };
}

/** `box` cut at the borders of the input. */
export function cut(box: Box, input: readonly [number, number, number]): Box {
  const top = Math.max(box.top, 0);
  const left = Math.max(box.left, 0);
  return {
    top,
    left,
    height: Math.max(Math.min(box.top + box.height, input[1]) - top, 0),
    width: Math.max(Math.min(box.left + box.width, input[2]) - left, 0),
  };
}

/** Where the map of `layer` lies on the image: each place is `jump` pixels wide, about the centre of its field. */
export function extent(layer: Layer): Box {
  const { jump, start } = layer.field;
  return {
    top: start[0] - jump[0] / 2,
    left: start[1] - jump[1] / 2,
    height: layer.shape[1] * jump[0],
    width: layer.shape[2] * jump[1],
  };
}

/** The place of `layer` whose centre is nearest to row `y` and column `x` of the image. */
export function placeAt(layer: Layer, y: number, x: number): Place {
  const { jump, start } = layer.field;
  const at = (axis: 0 | 1, pixel: number): number =>
    Math.min(Math.max(Math.round((pixel - start[axis]) / jump[axis]), 0), layer.shape[axis + 1]! - 1);
  return [at(0, y), at(1, x)];
}

/** The place of `layer` that lies over the centre of `place` of `from`. */
export function carried(from: Layer, place: Place, layer: Layer): Place {
  const [y, x] = [0, 1].map((axis) => from.field.start[axis]! + place[axis]! * from.field.jump[axis]!) as [
    number,
    number,
  ];
  return placeAt(layer, y, x);
}

export function within(place: Place, layer: Layer): boolean {
  return place[0] < layer.shape[1] && place[1] < layer.shape[2];
}

/** The rows and columns, 0 to `length` - 1, of what went in that a window reads; null is padding with zeros. */
export function reads(layer: Layer, axis: 0 | 1, place: number, length: number): (number | null)[] {
  const first = place * layer.stride[axis] - layer.padding[axis];
  return Array.from({ length: layer.kernel[axis] }, (_, at) => {
    const wanted = first + at * layer.dilation[axis];
    if (wanted >= 0 && wanted < length) return wanted;
    switch (layer.paddingMode) {
      case "zeros":
        return null;
      case "circular":
        return ((wanted % length) + length) % length;
      case "replicate":
        return Math.min(Math.max(wanted, 0), length - 1);
      case "reflect": {
        const period = Math.max(2 * length - 2, 1);
        const ahead = ((wanted % period) + period) % period;
        return Math.min(ahead, period - ahead);
      }
    }
  });
}

/** patch x kernel + bias at one place: a CNN layer's cross-correlation, summed in double precision. */

import type { Layer } from "./contract";
import { reads, type Place } from "./geometry";
import { extentOf, strongest } from "./ranges";
import type { Recorded, Source } from "./recorded";
import type { Numbers } from "./unpack";

/** One input channel's share of the sum. */
export interface Slice {
  readonly input: number; // which channel of what went in
  readonly of: number; // how many went in
  readonly patch: readonly number[]; // (kH, kW)
  readonly kernel: readonly number[];
  readonly sum: number;
}

export interface Working {
  readonly place: Place;
  readonly slices: readonly Slice[];
  readonly total: number; // of all products
  readonly bias: number;
  readonly scale: number; // of a batch normalisation
  readonly shift: number;
  readonly value: number; // scale x (total + bias) + shift
  readonly recorded: number; // what the network itself computed there
  readonly activation: number | null; // and made of it; null where it follows from the value, or is not on the page
  readonly tolerance: number; // how far float32 arithmetic, and the page's own rounding, may be from `value`
  readonly rounded: boolean; // whether the page rounds what went in or what came out
}

/** All that is needed to work out any place of one channel; null where the page does not hold it. */
export interface Workshop {
  readonly strongest: Place;
  at(place: Place): Working;
}

export async function workshop(
  recorded: Recorded,
  layer: Layer,
  channel: number,
  probe: number,
): Promise<Workshop | null> {
  const [source, filter] = await Promise.all([recorded.source(layer, probe), recorded.filter(layer, channel, null)]);
  const stage = layer.sum ? "sum" : "preactivation";
  const name = `${layer.name}/${stage}/${probe}`;
  if (layer.type !== "convolution" || source === null || filter === null || !recorded.has(name)) return null;
  const kept = layer.activation === "stored" ? "activation" : "preactivation";
  const follows = layer.activation !== "stored" && !layer.sum;
  const held = !follows && recorded.has(`${layer.name}/${kept}/${probe}`);
  const [results, after, bias, scale, shift] = await Promise.all([
    recorded.array(name),
    held ? recorded.maps(layer, "activation", probe) : null,
    recorded.number(layer, "bias", channel, 0),
    layer.sum ? 1 : recorded.number(layer, "scale", channel, 1),
    layer.sum ? 0 : recorded.number(layer, "shift", channel, 0),
  ]);
  const [, height, width] = layer.shape;
  const plane = layer.channels.indexOf(channel) * height * width;
  const weights = [...filter].reduce((sum, value) => sum + Math.abs(value), 0);
  const rounding = Math.abs(scale) * weights * source.rounding + recorded.rounding(name, extentOf(results));
  const read = filter.length / (layer.kernel[0] * layer.kernel[1]);
  const first = Math.floor(channel / (layer.shape[0] / layer.groups)) * read;
  return {
    strongest: strongest(results.subarray(plane, plane + height * width), width),
    at: (place) => {
      const slices = Array.from({ length: read }, (_, at) => slice(layer, place, source, filter, first, at));
      const total = slices.reduce((sum, one) => sum + one.sum, 0);
      const sizes = slices.reduce((sum, one) => sum + magnitude(one), Math.abs(bias));
      return {
        place,
        slices,
        total,
        bias,
        scale,
        shift,
        value: scale * (total + bias) + shift,
        recorded: results[plane + place[0] * width + place[1]]!,
        activation: after === null ? null : after.at(channel, ...place),
        // As fmcore.analysis.convolution.Place.tolerance (Higham 2002, section 4.2).
        tolerance: Math.max(1e-5, filter.length * 2 ** -24) * (Math.abs(scale) * sizes + Math.abs(shift)) + rounding,
        rounded: rounding > 0,
      };
    },
  };
}

function slice(layer: Layer, place: Place, source: Source, filter: Numbers, first: number, at: number): Slice {
  const [count, height, width] = source.shape;
  const rows = reads(layer, 0, place[0], height);
  const columns = reads(layer, 1, place[1], width);
  const plane = (first + at) * height * width;
  const patch = rows.flatMap((row) =>
    columns.map((column) => (row === null || column === null ? 0 : source.values[plane + row * width + column]!)),
  );
  const kernel = [...filter.subarray(at * patch.length, (at + 1) * patch.length)];
  return { input: first + at, of: count, patch, kernel, sum: patch.reduce((sum, value, k) => sum + value * kernel[k]!, 0) };
}

function magnitude(one: Slice): number {
  return one.patch.reduce((sum, value, k) => sum + Math.abs(value * one.kernel[k]!), 0);
}

/** The input channel that adds most to the sum, or takes most from it. */
export function weightiest(slices: readonly Slice[]): number {
  let best = 0;
  slices.forEach((one, at) => {
    if (Math.abs(one.sum) > Math.abs(slices[best]!.sum)) best = at;
  });
  return best;
}

/** One model's arrays by meaning: maps, filters, images and answers, decoded when they are first looked at. */

import type { Layer, Model, Packed, Stage } from "./contract";
import { extentOf, type Range } from "./ranges";
import type { Numbers, Unpacker } from "./unpack";

/** The feature maps of one layer for one image: those channels that the page holds. */
export class Maps {
  constructor(
    readonly layer: Layer,
    readonly values: Numbers, // (C', H, W)
    readonly range: Range, // over the whole layer
  ) {}

  get height(): number {
    return this.layer.shape[1];
  }

  get width(): number {
    return this.layer.shape[2];
  }

  /** The feature map (H, W) of `channel`; null where the page does not hold it. */
  of(channel: number): Numbers | null {
    const at = this.layer.channels.indexOf(channel);
    const size = this.height * this.width;
    return at < 0 ? null : this.values.subarray(at * size, (at + 1) * size);
  }

  at(channel: number, row: number, column: number): number {
    return this.of(channel)?.[row * this.width + column] ?? NaN;
  }
}

/** What a layer reads, (C_in, H, W), and the most by which its values are rounded on this page. */
export interface Source {
  readonly values: Numbers;
  readonly shape: readonly [number, number, number];
  readonly rounding: number;
}

export class Recorded {
  constructor(
    readonly model: Model,
    private readonly unpacker: Unpacker,
  ) {}

  layer(name: string): Layer {
    return this.model.layers.find((layer) => layer.name === name) ?? this.model.layers[0]!;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.model.arrays, name);
  }

  shape(name: string): readonly number[] {
    return this.packed(name).shape;
  }

  /** The most by which a value of the array may differ from the recorded one, its values spanning `range`. */
  rounding(name: string, [low, high]: Range): number {
    const { coding } = this.packed(name);
    return coding === "levels8" ? (high - low) / 254 : coding === "levels16" ? (high - low) / 65534 : 0;
  }

  array(name: string): Promise<Numbers> {
    return this.unpacker.get(this.packed(name));
  }

  private packed(name: string): Packed {
    if (!this.has(name)) throw new Error(`The page holds no array '${name}'.`);
    return this.model.arrays[name]!;
  }

  /** Entry `index` along the first axis of an array. */
  async part(name: string, index: number): Promise<Numbers> {
    const values = await this.array(name);
    const size = values.length / this.shape(name)[0]!;
    return values.subarray(index * size, (index + 1) * size);
  }

  // -- maps ---------------------------------------------------------------------------------------

  get lastEpoch(): number | null {
    return this.model.epochs.at(-1)?.number ?? null;
  }

  /** Whether the page holds the maps of `epoch`, null being the last, for image `probe`. */
  remembers(layer: Layer, probe: number, epoch: number | null): boolean {
    if (epoch === null || epoch === this.lastEpoch) return true;
    return this.model.historyEpochs.includes(epoch) && this.has(`${layer.name}/history/${probe}`);
  }

  /** Whether it holds `layer` as it was in earlier epochs, for any image. */
  hasPast(layer: Layer): boolean {
    return this.model.historyProbes.some((probe) => this.has(`${layer.name}/history/${probe}`));
  }

  /** What `stage` of `layer` was for image `probe`; null where the page does not hold it. */
  async maps(layer: Layer, stage: Stage, probe: number, epoch: number | null = null): Promise<Maps | null> {
    if (epoch !== null && epoch !== this.lastEpoch) {
      if (stage === "preactivation" || !this.remembers(layer, probe, epoch)) return null;
      const values = await this.part(`${layer.name}/history/${probe}`, this.model.historyEpochs.indexOf(epoch));
      return new Maps(layer, values, extentOf(values));
    }
    if (stage === "preactivation" && !layer.preactivation) return null;
    const stored = stage === "preactivation" || layer.activation !== "stored" ? "preactivation" : "activation";
    const values = await this.array(`${layer.name}/${stored}/${probe}`);
    return new Maps(layer, stage === stored ? values : activated(values, layer), layer.ranges[stage][probe]!);
  }

  /** What the patches of `layer` are cut from; null where the page does not hold it. */
  async source(layer: Layer, probe: number): Promise<Source | null> {
    if (layer.input === "") return null;
    if (layer.input === "probes") {
      const values = await this.part("probes", probe);
      return { values, shape: this.model.input, rounding: this.rounding("probes", extentOf(values)) };
    }
    if (layer.input === "input") {
      const values = await this.array(`input/${probe}`);
      const shape = this.shape(`input/${probe}`) as [number, number, number];
      return { values, shape, rounding: this.rounding(`input/${probe}`, extentOf(values)) };
    }
    const [, name, part] = /^(.*)\/([^/]*)$/.exec(layer.input) ?? [];
    if (name === undefined || (part !== "activation" && part !== "preactivation")) return null;
    const before = this.layer(name);
    const maps = await this.maps(before, part, probe);
    if (maps === null) return null;
    const stored = this.has(`${name}/${part}/${probe}`) ? part : "preactivation";
    const rounding = this.rounding(`${name}/${stored}/${probe}`, before.ranges[stored][probe]!);
    return { values: maps.values, shape: [before.channels.length, maps.height, maps.width], rounding };
  }

  // -- filters ------------------------------------------------------------------------------------

  /** The filter (C_in / groups, kH, kW) of `channel` at `epoch`; null where the page does not hold it. */
  async filter(layer: Layer, channel: number, epoch: number | null): Promise<Numbers | null> {
    const at = layer.weighted.indexOf(channel);
    if (at < 0) return null;
    if (epoch === null || epoch === this.lastEpoch) {
      return this.has(`${layer.name}/weight`) ? this.part(`${layer.name}/weight`, at) : null;
    }
    const name = `${layer.name}/weight_history`;
    const number = this.model.epochs.findIndex((one) => one.number === epoch);
    if (!this.has(name) || number < 0 || number >= this.shape(name)[0]!) return null;
    const filters = await this.part(name, number);
    const size = filters.length / layer.weighted.length;
    return filters.subarray(at * size, (at + 1) * size);
  }

  /** A number of a layer by channel, such as its bias; `otherwise` where the layer has none. */
  async number(layer: Layer, part: "bias" | "scale" | "shift", channel: number, otherwise: number): Promise<number> {
    const name = `${layer.name}/${part}`;
    return this.has(name) ? (await this.array(name))[channel]! : otherwise;
  }

  // -- answers ------------------------------------------------------------------------------------

  probabilities(probe: number): Promise<Numbers> {
    return this.part("probabilities", probe);
  }

  /** The classes that Grad-CAM was worked out for, the likeliest first. */
  async explained(layer: Layer, probe: number): Promise<number[]> {
    return layer.classes > 0 && this.has("gradcam_classes") ? [...(await this.part("gradcam_classes", probe))] : [];
  }

  /** What class number `at` of `explained` has in `layer`, signed, (H, W). */
  gradcam(layer: Layer, probe: number, at: number): Promise<Numbers> {
    return this.part(`${layer.name}/gradcam/${probe}`, at);
  }

  /** What in that map supports the class: how few places hold half of it, and the largest value. */
  async support(layer: Layer, probe: number, at: number): Promise<readonly [number, number]> {
    const found = await this.part(`${layer.name}/support`, probe);
    return [found[2 * at]!, found[2 * at + 1]!];
  }

  /** By how much the predicted probability changes without `channel`; null where nobody measured it. */
  async ablation(layer: Layer, probe: number, channel: number): Promise<number | null> {
    if (!this.has(`${layer.name}/ablation`)) return null;
    const change = await this.part(`${layer.name}/ablation`, probe);
    const channels = this.has(`${layer.name}/ablated`) ? await this.part(`${layer.name}/ablated`, probe) : null;
    return change[channels === null ? channel : channels.indexOf(channel)] ?? null;
  }
}

const derived = new WeakMap<Numbers, Numbers>();

/** What the nonlinearity makes of `values`, where the exporter saw that it gives exactly what was recorded. */
function activated(values: Numbers, layer: Layer): Numbers {
  if (layer.activation === "same") return values;
  let found = derived.get(values);
  if (found === undefined) {
    const most = layer.activation === "relu6" ? 6 : Infinity;
    found = values.map((value) => Math.min(Math.max(value, 0), most)) as Numbers;
    derived.set(values, found);
  }
  return found;
}

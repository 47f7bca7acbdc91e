/**
 * What is shown: one table of fields drives the address, and the address drives what is shown.
 *
 * A field left out of an address has its default, so addresses are short and old ones stay good. Numbers count from 1.
 */

import type { Content, Patch, Step } from "./contract";

export interface State {
  readonly model: number;
  readonly image: number;
  readonly layer: string;
  readonly channel: number;
  readonly with: number | null; // a second channel beside the first
  readonly stage: "activation" | "preactivation";
  readonly scale: "per_map" | "per_layer" | "shared";
  readonly channels: "few" | "all";
  readonly overlay: "on" | "off";
  readonly opacity: number; // percent
  readonly epoch: number | null; // null is the last
  readonly place: readonly [number, number] | null; // row and column
  readonly class: number | null; // whose Grad-CAM lies over the image
  readonly step: number | null; // of the tour
  readonly hide: readonly string[];
}

export type Name = keyof State;

interface Field<T> {
  readonly read: (text: string) => T | undefined; // undefined: not valid, so the default holds
  readonly write: (value: T) => string;
}

const MOST = 1_000_000;

const whole: Field<number> = {
  read: (text) => (/^\d{1,7}$/.test(text) && +text >= 1 && +text <= MOST ? +text - 1 : undefined),
  write: (value) => String(value + 1),
};

function optional<T>(field: Field<T>): Field<T | null> {
  return {
    read: (text) => (text === "" ? null : field.read(text)),
    write: (value) => (value === null ? "" : field.write(value)),
  };
}

function oneOf<const T extends string>(...values: readonly T[]): Field<T> {
  return { read: (text) => values.find((value) => value === text), write: (value) => value };
}

const text: Field<string> = { read: (value) => value, write: (value) => value };

const percent: Field<number> = {
  read: (value) => (/^\d{1,3}$/.test(value) && +value <= 100 ? +value : undefined),
  write: String,
};

const epoch: Field<number> = {
  read: (value) => (/^\d{1,6}$/.test(value) ? +value : undefined),
  write: String, // epoch 0 is before training
};

const place: Field<readonly [number, number]> = {
  read: (value) => {
    const [row, column, more] = value.split(",").map(whole.read);
    return row === undefined || column === undefined || more !== undefined ? undefined : [row, column];
  },
  write: ([row, column]) => `${whole.write(row)},${whole.write(column)}`,
};

const names: Field<readonly string[]> = {
  read: (value) => value.split(",").filter(Boolean),
  write: (value) => value.join(","),
};

/** The table. What is not in it cannot be in an address. */
export const FIELDS: { readonly [K in Name]: Field<State[K]> } = {
  model: whole,
  image: whole,
  layer: text,
  channel: whole,
  with: optional(whole),
  stage: oneOf("activation", "preactivation"),
  scale: oneOf("per_map", "per_layer", "shared"),
  channels: oneOf("few", "all"),
  overlay: oneOf("on", "off"),
  opacity: percent,
  epoch: optional(epoch),
  place: optional(place),
  class: optional(whole),
  step: optional(whole),
  hide: names,
};

const NAMES = Object.keys(FIELDS) as Name[];

/** What holds before anything is said. */
export function initial(content: Content): State {
  const layers = content.models[0]!.layers;
  const first = layers.find((layer) => layer.type === "convolution") ?? layers[0]!;
  const plain: State = {
    model: 0,
    image: 0,
    layer: first.name,
    channel: first.representatives[0] ?? 0,
    with: null,
    stage: "activation",
    scale: "per_layer",
    channels: "few",
    overlay: "on",
    opacity: 60,
    epoch: null,
    place: null,
    class: null,
    step: null,
    hide: [],
  };
  return patched(plain, content.start);
}

/** `state` with the fields of `patch` that are valid. */
export function patched(state: State, patch: Patch): State {
  const found: Record<string, unknown> = { ...state };
  for (const name of NAMES) {
    const given = Object.hasOwn(patch, name) ? patch[name] : undefined;
    if (given !== undefined) found[name] = FIELDS[name].read(given) ?? found[name];
    if (given === "" && FIELDS[name].read("") === null) found[name] = null;
  }
  return found as unknown as State;
}

/** The state that an address's fragment names, from `start`; a step of the tour brings what it speaks of. */
export function fromAddress(fragment: string, start: State, tour: readonly Step[]): State {
  const given = Object.fromEntries(new URLSearchParams(fragment.replace(/^#/, "")));
  const { step } = patched(start, given);
  return patched(beginning(start, step, tour), given);
}

/** What fields are that an address leaves out. */
function beginning(start: State, step: number | null, tour: readonly Step[]): State {
  const wanted = step === null ? undefined : tour[step];
  return wanted === undefined ? start : patched(start, wanted.state);
}

function written<K extends Name>(state: State, name: K): string {
  return FIELDS[name].write(state[name]);
}

/** The fragment that names `state`; what is as in `start`, or as the step of the tour has it, is left out. */
export function toAddress(state: State, start: State, tour: readonly Step[]): string {
  const given = new URLSearchParams();
  const base = beginning(start, state.step, tour);
  for (const name of NAMES) {
    if (written(state, name) !== written(base, name)) given.set(name, written(state, name));
  }
  const fragment = given.toString().replace(/%2C/g, ",");
  return fragment ? `#${fragment}` : "#";
}

/** The one place where the state is: views read it and are told of changes; the address follows it, and it the address. */

import type { Content, Layer, Patch } from "./contract";
import { carried, within, type Place } from "./geometry";
import { Recorded } from "./recorded";
import { fromAddress, initial, patched, toAddress, type State } from "./state";
import { tableOf, type Tables } from "./scale";
import { Unpacker } from "./unpack";

const RUN_MS = 800; // between two changes that belong together

export type Listener = (state: State, before: State) => void;

export class Store {
  readonly tables: Tables;
  readonly recorded: readonly Recorded[]; // by model
  private readonly start: State;
  private readonly listeners: Listener[] = [];
  private readonly pointed: ((place: Place | null) => void)[] = [];
  private current: State;
  private pointer: Place | null = null;
  private last: { fields: string; at: number } | null = null;

  constructor(
    readonly content: Content,
    data: string,
  ) {
    const { strength, signed, grey } = content.tables;
    this.tables = { strength: tableOf(strength), signed: tableOf(signed), grey: tableOf(grey) };
    const unpacker = new Unpacker(data);
    this.recorded = content.models.map((model) => new Recorded(model, unpacker));
    const first = initial(content);
    this.start = sound(content, first, first);
    this.current = sound(content, fromAddress(location.hash, this.start, content.tour), this.start);
    addEventListener("hashchange", () => this.take(fromAddress(location.hash, this.start, content.tour)));
  }

  get state(): State {
    return this.current;
  }

  get shown(): Recorded {
    return this.recorded[this.current.model]!;
  }

  get layer(): Layer {
    return this.shown.layer(this.current.layer);
  }

  /** The place under the pointer, or else the one that was chosen. */
  get place(): Place | null {
    return this.pointer ?? this.current.place;
  }

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
  }

  onPlace(listener: (place: Place | null) => void): void {
    this.pointed.push(listener);
  }

  tell(): void {
    for (const listener of this.listeners) listener(this.current, this.current);
    this.tellPlace();
  }

  /**
   * Change fields. What is moved by degrees replaces the address instead of adding one to go back to, and so does the
   * same change once more at once, as with arrow keys.
   */
  set(change: Partial<State>, by: "steps" | "degrees" = "steps"): void {
    const fields = Object.keys(change).join();
    const goesOn = this.last?.fields === fields && performance.now() - this.last.at < RUN_MS;
    this.take({ ...this.current, ...change });
    this.last = { fields, at: performance.now() };
    const address = toAddress(this.current, this.start, this.content.tour);
    if (address === (location.hash || "#")) return;
    if (by === "degrees" || goesOn) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
  }

  /** Show what `patch` names, all else as it was at the start. */
  visit(patch: Patch): void {
    this.set({ ...patched(this.start, patch), step: this.current.step, hide: this.current.hide });
  }

  address(patch: Patch): string {
    return toAddress({ ...patched(this.start, patch), hide: this.current.hide }, this.start, this.content.tour);
  }

  /** Go to another layer: its first channel, and the place over the same pixels. */
  enter(name: string): void {
    const layer = this.shown.layer(name);
    const place = this.current.place && carried(this.layer, this.current.place, layer);
    this.set({ layer: name, channel: layer.representatives[0] ?? 0, with: null, place });
  }

  point(place: Place | null): void {
    this.pointer = place;
    this.tellPlace();
  }

  private tellPlace(): void {
    for (const listener of this.pointed) listener(this.place);
  }

  private take(wanted: State): void {
    const before = this.current;
    this.current = sound(this.content, wanted, this.start);
    if (before.layer !== this.current.layer || before.model !== this.current.model) this.pointer = null;
    for (const listener of this.listeners) listener(this.current, before);
    this.tellPlace();
  }
}

/** Whether `layer` has values before a nonlinearity that differ from those after it. */
export function bends(layer: Layer): boolean {
  return layer.preactivation && !straight(layer);
}

/** Whether no nonlinearity follows `layer`. */
export function straight(layer: Layer): boolean {
  return layer.activation === "same" && layer.nonlinearity === "none";
}

/** `state` with what this page does not have put right, as `start` has it: addresses come from anywhere. */
export function sound(content: Content, state: State, start: State): State {
  const model = state.model < content.models.length ? state.model : 0;
  const { layers, probes, epochs, classes } = content.models[model]!;
  const named = (name: string): Layer | undefined => layers.find((one) => one.name === name);
  const layer = named(state.layer) ?? named(start.layer) ?? layers[0]!;
  const held = (channel: number | null): boolean => channel !== null && layer.channels.includes(channel);
  const channel = held(state.channel) ? state.channel : (layer.representatives[0] ?? 0);
  return {
    ...state,
    model,
    layer: layer.name,
    image: state.image < probes.length ? state.image : start.image,
    channel,
    with: held(state.with) && state.with !== channel && !state.hide.includes("compare") ? state.with : null,
    stage: bends(layer) ? state.stage : "activation",
    epoch: epochs.slice(0, -1).some((epoch) => epoch.number === state.epoch) ? state.epoch : null,
    place: state.place !== null && within(state.place, layer) ? state.place : null,
    class: state.class !== null && state.class < classes.length && layer.classes > 0 ? state.class : null,
  };
}

/** Run a view's asynchronous drawing so that only the last one that was asked for reaches the page. */
export function latest<A extends unknown[]>(
  draw: (current: () => boolean, ...args: A) => Promise<void>,
): (...args: A) => void {
  let turn = 0;
  return (...args) => {
    turn += 1;
    const mine = turn;
    draw(() => mine === turn, ...args).catch((error: unknown) => {
      reportError(error);
    });
  };
}

/** The feature maps of a layer, one tile a channel; a click chooses one, Shift and a click puts a second beside it. */

import type { Label, Layer } from "../contract";
import { fill, h, show, unique } from "../dom";
import { called, figure, shapeOf, whole } from "../numbers";
import { extentOf, strongest } from "../ranges";
import type { Maps } from "../recorded";
import { say, term } from "../say";
import { paint } from "../scale";
import { scaleFor } from "../scaling";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";
import { whenOf } from "./controls";
import { reveal } from "./sight";

interface Tile {
  readonly channel: number;
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  readonly canvas: HTMLCanvasElement;
}

export function mapsView(store: Store): HTMLElement {
  const name = unique("channel");
  const heading = h("h2");
  const about = h("p", { class: "count" });
  const grid = h("div", { class: "tiles", role: "radiogroup", "aria-label": say("Channel") });
  const bar = new ColourBar();
  const absent = h("p", { class: "note" });
  const diagnosis = h("ul", { class: "diagnosis" });
  const after = h(
    "button",
    {
      type: "button",
      "data-part": "stage",
      click: () => {
        store.set({ stage: "activation" });
        grid.querySelector<HTMLElement>(":checked")?.focus({ preventScroll: true });
      },
    },
    say("Show the activations"),
  );
  let hidden = true; // whether the chosen tile may be out of sight
  let tiles: Tile[] = [];
  let built = "";
  let builtFrom = "";
  let size = "";

  const build = (layer: Layer): void => {
    const { model, channels } = store.state;
    const wanted = channels === "all" ? layer.channels : layer.representatives;
    const among = JSON.stringify([model, layer.name, channels]);
    const held = grid.contains(document.activeElement) && among === builtFrom; // arrow keys run through these tiles
    if (held && tiles.some((one) => one.channel === store.state.channel)) return;
    const shown = wanted.includes(store.state.channel) ? wanted : [...wanted, store.state.channel];
    const what = JSON.stringify([model, layer.name, shown]);
    if (what === built) return;
    built = what;
    builtFrom = among;
    tiles = shown.map((channel) => tile(store, name, layer, channel));
    fill(grid, ...tiles.map((one) => one.element));
    heading.textContent = say("Feature maps of {1}", called(layer.name));
    size = sizeOf(layer, wanted.length, channels, shown.length > wanted.length ? store.state.channel : null);
    fill(diagnosis, ...layer.diagnosis.map((sentence) => h("li", {}, sentence)));
  };

  const draw = latest(async (current) => {
    const { layer, state, shown: recorded } = store;
    const maps = await recorded.maps(layer, state.stage, state.image, state.epoch);
    if (!current()) return;
    show(absent, maps === null);
    show(bar.element, maps !== null);
    const before = state.stage === "preactivation" && recorded.remembers(layer, state.image, state.epoch);
    show(after, maps === null && before);
    absent.textContent = before
      ? say("Of earlier epochs this page holds activations only.")
      : !recorded.hasPast(layer)
        ? say("Of earlier epochs this page holds no maps of this layer.")
        : say("Of this epoch this page holds no maps for this image.");
    grid.classList.toggle("absent", maps === null);
    if (maps === null) return;
    for (const one of tiles) paintTile(store, one, maps);
    performance.mark("maps drawn");
    if (hidden) for (const one of tiles) if (one.channel === state.channel) reveal(one.element, grid);
    hidden = false;
    const values = maps.of(state.channel);
    if (values !== null) bar.show(scaleFor(store, recorded, maps, values));
  });

  store.subscribe((state, before) => {
    hidden ||= state === before || state.channel !== before.channel || state.channels !== before.channels;
    hidden ||= state.layer !== before.layer || state.model !== before.model;
    build(store.layer);
    const when = whenOf(state.epoch);
    const kind = state.stage === "activation" ? "activation" : "pre-activation";
    about.textContent = when
      ? say(`{1}. Shown is the ${kind}, {2}.`, size, when)
      : say(`{1}. Shown is the ${kind}.`, size);
    for (const one of tiles) {
      one.input.checked = one.channel === state.channel;
      one.element.classList.toggle("second", one.channel === state.with);
    }
    draw();
  });
  return h(
    "section",
    { class: "maps", "aria-label": say("Feature maps"), "data-near": "maps" },
    heading,
    about,
    absent,
    after,
    grid,
    bar.element,
    diagnosis,
  );
}

/** How large the layer is and which of its channels are shown: `held` of the page, and `more` because it is chosen. */
function sizeOf(layer: Layer, held: number, channels: "few" | "all", more: number | null): string {
  const shape = shapeOf(layer.shape);
  const [count] = layer.shape;
  if (held === count && count === 1) return say("{1}: its only channel", shape);
  if (held === count && channels === "all") return say("{1}: all {2} channels", shape, whole(count));
  if (held === count) return say("{1}: all {2} channels, those that tell most first", shape, whole(count));
  if (channels === "all") return say("{1}: {2} of {3} channels, all that this page holds", shape, held, whole(count));
  return more === null
    ? say("{1}: {2} of {3} channels, chosen for their energy and diversity", shape, held, whole(count))
    : say(
        "{1}: {2} of {3} channels, chosen for their energy and diversity, and channel {4}",
        shape,
        held,
        whole(count),
        more + 1,
      );
}

/** What `channel` resembles; a dead one resembles nothing. */
export function labelOf(layer: Layer, channel: number): Label | null {
  const dead = layer.badges.some((badge) => badge.channel === channel && badge.kind === "dead");
  return dead ? null : (layer.labels[layer.channels.indexOf(channel)] ?? null);
}

function tile(store: Store, name: string, layer: Layer, channel: number): Tile {
  const input = h("input", { type: "radio", name, change: () => store.set({ channel, class: null }) }); // what lies over the image follows
  const canvas = h("canvas", { "aria-hidden": "true" });
  const label = labelOf(layer, channel);
  const badges = layer.badges.filter((badge) => badge.channel === channel);
  const element = h(
    "label",
    {
      class: "tile",
      click: (event: MouseEvent) => {
        if (!event.shiftKey) {
          if (channel === store.state.channel && store.state.class !== null) store.set({ class: null }); // no change
          return;
        }
        event.preventDefault();
        if (!store.state.hide.includes("compare")) store.set({ with: store.state.with === channel ? null : channel });
      },
    },
    input,
    canvas,
    h("span", {}, h("b", {}, channel + 1), label ? ` ${term(label.name)}` : ""),
    ...badges.map((badge) => h("i", { class: "badge", title: badge.evidence }, term(badge.kind))),
  );
  return { channel, element, input, canvas };
}

function paintTile(store: Store, { channel, input, canvas, element }: Tile, maps: Maps): void {
  const values = maps.of(channel)!;
  paint(canvas, values, maps.height, maps.width, scaleFor(store, store.shown, maps, values));
  const text = describe(maps.layer, channel, values, maps.width);
  input.setAttribute("aria-label", text);
  element.title = text;
}

/** A map in words: what a picture's text is. */
export function describe(layer: Layer, channel: number, values: ArrayLike<number>, width: number): string {
  const [low, high] = extentOf(values);
  const label = labelOf(layer, channel);
  const badges = layer.badges.filter((badge) => badge.channel === channel).map((badge) => term(badge.kind));
  const [row, column] = strongest(values, width);
  return [
    say("Channel {1} of {2} of {3}", channel + 1, layer.shape[0], called(layer.name)),
    label && label.name !== "mixed" ? say("resembles {1}", term(label.name)) : "",
    ...badges,
    low === high
      ? say("{1} everywhere", figure(low))
      : say("from {1} to {2}, strongest in row {3}, column {4}", figure(low), figure(high), row + 1, column + 1),
  ]
    .filter(Boolean)
    .join(", ");
}

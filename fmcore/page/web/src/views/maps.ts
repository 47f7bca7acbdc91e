/** The feature maps of a layer, one tile a channel; a click chooses one, Shift and a click puts a second beside it. */

import type { Layer } from "../contract";
import { fill, h, show, unique } from "../dom";
import { counted, figure, shapeOf } from "../numbers";
import { extentOf, strongest } from "../ranges";
import type { Maps } from "../recorded";
import { paint } from "../scale";
import { scaleFor } from "../scaling";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";

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
  const grid = h("div", { class: "tiles", role: "radiogroup", "aria-label": "Channel" });
  const bar = new ColourBar();
  const absent = h("p", { class: "note" });
  const diagnosis = h("ul", { class: "diagnosis" });
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
    heading.textContent = `Feature maps of ${layer.name}`;
    const [count] = layer.shape;
    const some = `${wanted.length} of ${counted(count, "channel")}`;
    size = `${shapeOf(layer.shape)}: ${
      wanted.length === count
        ? `all ${counted(count, "channel")}${channels === "few" ? ", those that tell most first" : ""}`
        : channels === "few"
          ? `${some}, chosen for their energy and diversity${shown.length > wanted.length ? `, and channel ${store.state.channel + 1}` : ""}`
          : `${some}, all that this page holds`
    }`;
    fill(diagnosis, ...layer.diagnosis.map((sentence) => h("li", {}, sentence)));
  };

  const draw = latest(async (current) => {
    const { layer, state, shown: recorded } = store;
    const maps = await recorded.maps(layer, state.stage, state.image, state.epoch);
    if (!current()) return;
    show(absent, maps === null);
    show(bar.element, maps !== null);
    absent.textContent =
      state.stage === "preactivation"
        ? "Of earlier epochs this page holds activations only; switch to “activation”."
        : "Of this epoch this page holds no maps for this image.";
    grid.classList.toggle("absent", maps === null);
    if (maps === null) return;
    for (const one of tiles) paintTile(store, one, maps);
    performance.mark("maps drawn");
    const values = maps.of(state.channel);
    if (values !== null) bar.show(scaleFor(store, recorded, maps, values));
  });

  store.subscribe((state) => {
    build(store.layer);
    const when =
      state.epoch === null ? "" : state.epoch === 0 ? ", before training" : `, after ${counted(state.epoch, "epoch")}`;
    about.textContent = `${size}. Shown is the ${state.stage === "activation" ? "activation" : "pre-activation"}${when}.`;
    for (const one of tiles) {
      one.input.checked = one.channel === state.channel;
      one.element.classList.toggle("second", one.channel === state.with);
    }
    draw();
  });
  return h(
    "section",
    { class: "maps", "aria-label": "Feature maps", "data-near": "maps" },
    heading,
    about,
    absent,
    grid,
    bar.element,
    diagnosis,
  );
}

function tile(store: Store, name: string, layer: Layer, channel: number): Tile {
  const input = h("input", { type: "radio", name, change: () => store.set({ channel, class: null }) }); // what lies over the image follows
  const canvas = h("canvas", { "aria-hidden": "true" });
  const label = layer.labels[layer.channels.indexOf(channel)];
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
    h("span", {}, h("b", {}, channel + 1), label ? ` ${label.name}` : ""),
    ...badges.map((badge) => h("i", { class: "badge", title: badge.evidence }, badge.kind)),
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
  const label = layer.labels[layer.channels.indexOf(channel)];
  const badges = layer.badges.filter((badge) => badge.channel === channel).map((badge) => badge.kind);
  const [row, column] = strongest(values, width);
  return [
    `Channel ${channel + 1} of ${layer.shape[0]} of ${layer.name}`,
    label && label.name !== "mixed" ? `resembles ${label.name}` : "",
    ...badges,
    low === high
      ? `${figure(low)} everywhere`
      : `from ${figure(low)} to ${figure(high)}, strongest in row ${row + 1}, column ${column + 1}`,
  ]
    .filter(Boolean)
    .join(", ");
}

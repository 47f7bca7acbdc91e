/** The chosen map in large, a second one beside it, and its counterpart in the other network. */

import type { Layer, LayerMatch, Model } from "../contract";
import { dropdown, h, show } from "../dom";
import { carried, cut, fieldOf, type Place } from "../geometry";
import { called, figure, fixed } from "../numbers";
import type { Maps, Recorded } from "../recorded";
import { say } from "../say";
import { scaleFor } from "../scaling";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";
import { MapFigure } from "./figure";
import { describe } from "./maps";
import { valuesTable } from "./table";

interface Side {
  readonly maps: Maps;
  readonly input: Model["input"];
  readonly channel: number;
  readonly figure: MapFigure;
  readonly bar: ColourBar;
}

export function chosenView(store: Store): HTMLElement {
  const figures = [new MapFigure(store), new MapFigure(store), new MapFigure(null)] as const;
  const bars = [new ColourBar(), new ColourBar(), new ColourBar()] as const;
  const boxes = figures.map((one, at) => h("div", { class: "side" }, one.element, bars[at]!.element));
  const beside = dropdown(say("A second channel"), (value) => store.set({ with: value === "" ? null : +value }));
  beside.element.dataset["part"] = "compare";
  const likeness = h("p", { class: "note" });
  const live = h("p", { class: "quiet", role: "status" });
  const table = valuesTable();
  let sides: Side[] = [];

  const mark = (place: Place | null): void => {
    for (const side of sides) {
      const at = place && carried(store.layer, place, side.maps.layer);
      side.figure.mark(at, reading(side, at));
    }
    const first = sides[0];
    live.textContent = first && store.state.place !== null ? reading(first, store.state.place) : "";
    table.mark(place);
  };

  const draw = latest(async (current) => {
    const { layer, state, shown: recorded } = store;
    const match = matchOf(store);
    const [maps, other] = await Promise.all([
      recorded.maps(layer, state.stage, state.image, state.epoch),
      match &&
        match.recorded.maps(match.layer, match.layer.preactivation ? state.stage : "activation", state.image, null),
    ]);
    if (!current()) return;
    sides = [];
    const put = (at: 0 | 1 | 2, from: Recorded, found: Maps | null, channel: number | null, title: string): void => {
      const values = found && channel !== null ? found.of(channel) : null;
      show(boxes[at]!, values !== null);
      if (found === null || channel === null || values === null) return;
      const scale = scaleFor(store, from, found, values);
      figures[at].show(
        title,
        describe(found.layer, channel, values, found.width),
        values,
        found.height,
        found.width,
        scale,
      );
      bars[at].show(scale);
      sides.push({ maps: found, input: from.model.input, channel, figure: figures[at], bar: bars[at] });
    };
    put(0, recorded, maps, state.channel, say("Channel {1} of {2}", state.channel + 1, called(layer.name)));
    put(1, recorded, maps, state.with, say("Channel {1} of {2}", (state.with ?? 0) + 1, called(layer.name)));
    put(2, match?.recorded ?? recorded, other, match?.channel ?? null, match?.title ?? "");
    likeness.textContent = match?.words ?? "";
    show(likeness, match !== null && match.words !== "");
    const chosen = maps?.of(state.channel) ?? null;
    table.show(chosen, layer.shape[1], layer.shape[2]);
    mark(store.place);
  });

  store.subscribe((state) => {
    const { layer } = store;
    beside.set(
      [
        { value: "", text: say("none") },
        ...layer.channels
          .filter((one) => one !== state.channel)
          .map((one) => ({ value: String(one), text: say("channel {1}", one + 1) })),
      ],
      state.with === null ? "" : String(state.with),
    );
    draw();
  });
  store.onPlace(mark);
  return h(
    "section",
    { class: "chosen", "aria-label": say("The chosen map") },
    h("h2", {}, say("The chosen map")),
    h(
      "p",
      { class: "hint" },
      matchMedia("(hover: none)").matches
        ? say("Tap the map, or draw a finger across it, to read its values.")
        : say("Move over the map, or focus it and use the arrow keys, to read its values."),
    ),
    beside.element,
    likeness,
    h("div", { class: "sides" }, ...boxes),
    live,
    table.element,
  );
}

function reading(side: Side, place: Place | null): string {
  if (place === null) return "";
  const value = side.maps.at(side.channel, place[0], place[1]);
  const read = say("Row {1}, column {2}: {3}.", place[0] + 1, place[1] + 1, figure(value, 4));
  return `${read} ${sight(side.maps.layer, place, side.input)}`;
}

/** Which rows and columns of the image, counted from 1, `place` sees. */
function sight(layer: Layer, place: Place, input: Model["input"]): string {
  const seen = fieldOf(layer, place, input);
  if (seen === null) return "";
  const { whole, exact, local } = layer.field;
  if (whole && !local) return say("It sees the whole image.");
  const { top, left, height, width } = cut(seen, input);
  if (height === 0 || width === 0) return say("It sees nothing of the image.");
  return say(
    local
      ? "It sees rows {1} to {2}, columns {3} to {4}, and the rest summed up."
      : exact
        ? "It sees rows {1} to {2}, columns {3} to {4}."
      : "It sees at most rows {1} to {2}, columns {3} to {4}.",
    Math.floor(top) + 1,
    Math.ceil(top + height),
    Math.floor(left) + 1,
    Math.ceil(left + width),
  );
}

/** The counterpart of the chosen channel in the other network; null where there is none. */
function matchOf(store: Store) {
  const { state, content } = store;
  if (content.models.length < 2) return null;
  if (state.epoch !== null || state.hide.includes("compare")) return null; // both are compared as they ended
  const second = state.model === 1;
  const recorded = store.recorded[second ? 0 : 1]!;
  const match = content.matches.find((one) => (second ? one.other : one.layer) === state.layer);
  if (match === undefined) return null;
  const pair = pairOf(match, state.channel, second);
  const layer = recorded.layer(second ? match.layer : match.other);
  if (pair === undefined)
    return {
      recorded,
      layer,
      channel: null,
      title: "",
      words: say("Channel {1} has no partner in {2}.", state.channel + 1, recorded.model.name),
    };
  const [channel, correlation] = pair;
  const words = say(
    "Channel {1} and channel {2} of {3} in {4} are matched: their maps correlate at {5} over the same images.",
    state.channel + 1,
    channel + 1,
    called(layer.name),
    recorded.model.name,
    fixed(correlation, 2),
  );
  const title = say("{1}: channel {2} of {3}", recorded.model.name, channel + 1, called(layer.name));
  return { recorded, layer, channel, title, words };
}

function pairOf(match: LayerMatch, channel: number, second: boolean): readonly [number, number] | undefined {
  const pair = match.pairs.find((one) => one[second ? 1 : 0] === channel);
  return pair && [pair[second ? 0 : 1], pair[2]];
}

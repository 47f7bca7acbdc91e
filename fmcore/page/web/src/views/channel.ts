/** What is known of the chosen channel: what it resembles, what is wrong with it, what it counts for, its filter. */

import { fill, h, show } from "../dom";
import { counted, figure, moves } from "../numbers";
import { extentOf } from "../ranges";
import { paint, scaleOf } from "../scale";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";

const MOST_SLICES = 64;

export function channelView(store: Store): HTMLElement {
  const facts = h("ul", { class: "facts" });
  const slices = h("div", { class: "slices", role: "img" });
  const bar = new ColourBar();
  const caption = h("figcaption");
  const filter = h("figure", { class: "filter" }, caption, slices, bar.element);
  const heading = h("h2");

  const draw = latest(async (current) => {
    const { layer, state, shown: recorded } = store;
    const [change, values, last] = await Promise.all([
      recorded.ablation(layer, state.image, state.channel),
      recorded.filter(layer, state.channel, state.epoch),
      recorded.filter(layer, state.channel, null),
    ]);
    if (!current()) return;
    const { classes, probes } = recorded.model;
    const answer = classes[probes[state.image]!.predicted]!;
    const label = layer.labels[layer.channels.indexOf(state.channel)];
    heading.textContent = `Channel ${state.channel + 1} of ${layer.name}`;
    fill(
      facts,
      label
        ? h(
            "li",
            {},
            label.name === "mixed"
              ? "What it looks for is mixed: its maps resemble no classical map of the same images clearly."
              : `Its maps resemble ${label.name}${label.score === null ? "" : ` (correlation ${label.score.toFixed(2)})`}.`,
          )
        : null,
      ...layer.badges
        .filter((badge) => badge.channel === state.channel)
        .map((badge) => h("li", {}, h("i", { class: "badge" }, badge.kind), " ", badge.evidence)),
      change === null ? null : h("li", {}, `Without this channel, the probability of ${answer} ${moves(change)}.`),
    );
    show(filter, values !== null);
    if (values === null) return;
    const [height, width] = layer.kernel;
    const count = values.length / (height * width);
    const [low, high] = extentOf([...values, ...(last ?? [])]); // so that epochs can be compared
    const reach = Math.max(-low, high, 0);
    const scale = scaleOf(-reach, reach, store.tables);
    const drawn = Math.min(count, MOST_SLICES);
    while (slices.childElementCount > drawn) slices.lastElementChild!.remove();
    while (slices.childElementCount < drawn) slices.append(h("canvas", { "aria-hidden": "true" }));
    [...slices.children].forEach((canvas, at) => {
      const slice = values.subarray(at * height * width, (at + 1) * height * width);
      paint(canvas as HTMLCanvasElement, slice, height, width, scale);
    });
    slices.classList.toggle("many", drawn > 4);
    bar.show(scale);
    const shown = drawn < count ? `the first ${drawn} of ${count} input channels` : counted(count, "input channel");
    caption.textContent =
      `Its filter, ${height} × ${width} over ${shown}` +
      (state.epoch === null
        ? ""
        : state.epoch === 0
          ? ", before training"
          : `, after ${counted(state.epoch, "epoch")}`);
    slices.setAttribute("aria-label", `${caption.textContent}: weights from ${figure(low)} to ${figure(high)}`);
  });
  store.subscribe(draw);
  return h("section", { class: "channel", "aria-label": "The chosen channel" }, heading, facts, filter);
}

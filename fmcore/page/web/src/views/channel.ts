/** What is known of the chosen channel: what it resembles, what is wrong with it, what it counts for, its filter. */

import { fill, h, show } from "../dom";
import { called, counted, figure, fixed } from "../numbers";
import { extentOf } from "../ranges";
import { say, term } from "../say";
import { paint, scaleOf } from "../scale";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";
import { whenOf } from "./controls";
import { labelOf } from "./maps";

const MOST_SLICES = 64;

export function channelView(store: Store): HTMLElement {
  const facts = h("ul", { class: "facts" });
  const slices = h("div", { class: "slices", role: "img" });
  const bar = new ColourBar();
  const caption = h("figcaption");
  const filter = h("figure", { class: "filter" }, caption, slices, bar.element);
  const heading = h("h2");
  const about = { class: "channel", "aria-label": say("The chosen channel") };
  const section = h("section", about, heading, facts, filter);

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
    const label = labelOf(layer, state.channel);
    heading.textContent = say("Channel {1} of {2}", state.channel + 1, called(layer.name));
    fill(
      facts,
      label
        ? h(
            "li",
            {},
            label.name === "mixed"
              ? say("What it looks for is mixed: its maps resemble no classical map of the same images clearly.")
              : label.score === null
                ? say("Its maps resemble {1}.", term(label.name))
                : say("Its maps resemble {1} (correlation {2}).", term(label.name), fixed(label.score, 2)),
          )
        : null,
      ...layer.badges
        .filter((badge) => badge.channel === state.channel)
        .map((badge) => h("li", {}, h("i", { class: "badge" }, term(badge.kind)), " ", badge.evidence)),
      change === null ? null : h("li", {}, without(answer, change)),
    );
    show(filter, values !== null);
    show(section, values !== null || facts.childElementCount > 0); // of a pooled map there is nothing to say
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
    const shown =
      drawn < count
        ? say("the first {1} of {2} input channels", drawn, count)
        : layer.groups > 1 && count === 1
          ? say("input channel {1} alone", Math.floor(state.channel / (layer.shape[0] / layer.groups)) + 1)
          : counted(count, "input channel");
    const when = whenOf(state.epoch);
    caption.textContent = when
      ? say("Its filter, {1} × {2} over {3}, {4}", height, width, shown, when)
      : say("Its filter, {1} × {2} over {3}", height, width, shown);
    slices.setAttribute(
      "aria-label",
      say("{1}: weights from {2} to {3}", caption.textContent, figure(low), figure(high)),
    );
  });
  store.subscribe(draw);
  return section;
}

/** What the answer's probability does without the channel: `change` of a share. */
function without(answer: string, change: number): string {
  const hundredths = Math.abs(100 * change);
  if (hundredths === 0) return say("Without this channel, the probability of {1} stays as it is.", answer);
  const size = hundredths < 0.1 ? say("under {1}", fixed(0.1, 1)) : fixed(hundredths, 1);
  return change < 0
    ? say("Without this channel, the probability of {1} falls by {2} percentage points.", answer, size)
    : say("Without this channel, the probability of {1} rises by {2} percentage points.", answer, size);
}

/** The image: what the network looked at, with a map or a class's Grad-CAM over it and the field of a place. */

import type { Layer, Probe } from "../contract";
import { dropdown, fill, h, show, slider, stretch, tick, unique } from "../dom";
import { cut, extent, fieldOf, placeAt, type Box, type Place } from "../geometry";
import { called, figure, percent, whole } from "../numbers";
import { extentOf } from "../ranges";
import { say } from "../say";
import { paint, paintImage, scaleOf } from "../scale";
import { scaleFor } from "../scaling";
import { latest, type Store } from "../store";
import { ColourBar } from "./bar";
import { points } from "./pointing";

export function imageView(store: Store): HTMLElement {
  const picture = h("canvas", { "aria-hidden": "true" });
  const overlay = h("canvas", { "aria-hidden": "true", class: "overlay" });
  const field = h("div", { class: "field", hidden: true });
  const input = h("div", { class: "input" }, overlay, field); // the network's input, on the picture it was cut from
  const stage = h("div", { class: "stage", role: "img" }, picture, input);
  const caption = h("figcaption");
  const figureOf = h("figure", { class: "image" }, stage, caption);
  const what = h("span");
  const bar = new ColourBar();
  const on = tick(what, (value) => store.set({ overlay: value ? "on" : "off" }));
  const opacity = slider(
    say("Opacity"),
    (value) => say("{1}%", value),
    (value) => store.set({ opacity: value }, "degrees"),
  );
  const classes = dropdown(say("Grad-CAM for"), (value) =>
    store.set({ class: value === "" ? null : +value, overlay: "on" }),
  );
  const evidence = h("p", { class: "note", "aria-live": "polite" });
  const overlays = h("div", { class: "controls", "data-part": "overlay" }, on.element, bar.element, opacity.element);
  const gradcam = h("div", { class: "controls", "data-part": "gradcam" }, classes.element, evidence);

  const drawPicture = latest(async (current) => {
    const { shown: recorded, state } = store;
    const probe = recorded.model.probes[state.image]!;
    const name = `original/${state.image}`;
    const whole = recorded.has(name) && probe.box !== null;
    const values = whole ? await recorded.array(name) : await recorded.part("probes", state.image);
    if (!current()) return;
    const [channels, height, width] = (whole ? recorded.shape(name) : recorded.model.input) as [number, number, number];
    paintImage(picture, values, channels, height, width, whole ? 255 : 1);
    picture.classList.toggle("smooth", whole);
    stage.style.aspectRatio = `${width} / ${height}`;
    const [top, left, bottom, right] = whole ? probe.box! : [0, 0, height, width];
    stretch(input, top / height, left / width, (bottom - top) / height, (right - left) / width);
    input.classList.toggle("part", whole);
    caption.textContent = say("Image {1}: {2}", state.image + 1, told(probe, recorded.model.classes));
    stage.setAttribute("aria-label", say("The image: {1}, {2} by {3} pixels", probe.name, height, width));
  });

  const drawOverlay = latest(async (current) => {
    const { layer, shown: recorded, state } = store;
    const explained = await recorded.explained(layer, state.image);
    const at = state.class === null ? -1 : explained.indexOf(state.class);
    const maps = at < 0 ? await recorded.maps(layer, state.stage, state.image, state.epoch) : null;
    const cam = at < 0 ? null : await recorded.gradcam(layer, state.image, at);
    const support = at < 0 ? null : await recorded.support(layer, state.image, at);
    if (!current()) return;
    const names = explained.map((one) => ({ value: String(one), text: recorded.model.classes[one]! }));
    classes.set([{ value: "", text: say("no class") }, ...names], at < 0 ? "" : String(state.class));
    show(gradcam, explained.length > 0);
    const values = maps?.of(state.channel) ?? cam?.map((value) => Math.max(value, 0)) ?? null;
    show(overlay, state.overlay === "on" && values !== null);
    what.textContent =
      cam === null
        ? say("Channel {1} of {2} over the image", state.channel + 1, called(layer.name))
        : say("Grad-CAM of {1} over the image", called(layer.name));
    show(bar.element, state.overlay === "on" && values !== null);
    if (values !== null) {
      const [, height, width] = layer.shape;
      const scale = maps
        ? scaleFor(store, recorded, maps, values)
        : scaleOf(0, support?.[1] ?? extentOf(values)[1], store.tables);
      paint(overlay, values, height, width, scale);
      place(overlay, extent(layer), recorded.model.input);
      bar.show(scale);
    }
    evidence.textContent = support && supported(support, recorded.model.classes[state.class!]!, layer);
    show(evidence, support !== null);
  });

  store.subscribe((state, before) => {
    if (state === before || state.image !== before.image || state.model !== before.model) drawPicture();
    drawOverlay();
    on.set(state.overlay === "on");
    opacity.set(state.opacity, 0, 100);
    overlay.style.opacity = String(state.opacity / 100);
  });
  store.onPlace((at) => {
    const { input } = store.shown.model;
    const seen = at === null ? null : fieldOf(store.layer, at, input);
    show(field, seen !== null);
    if (seen !== null) place(field, cut(seen, input), input);
  });
  const under = (event: MouseEvent): Place => {
    const box = input.getBoundingClientRect();
    const [, height, width] = store.shown.model.input;
    const y = (height * (event.clientY - box.top)) / box.height;
    return placeAt(store.layer, y, (width * (event.clientX - box.left)) / box.width);
  };
  points(store, input, under);

  return h(
    "section",
    { class: "image-panel", "aria-label": say("Image") },
    figureOf,
    imagesView(store),
    overlays,
    gradcam,
    answersView(store),
  );
}

function place(element: HTMLElement, box: Box, [, height, width]: readonly [number, number, number]): void {
  stretch(element, box.top / height, box.left / width, box.height / height, box.width / width);
}

function told(probe: Probe, classes: readonly string[]): string {
  const answer = classes[probe.predicted]!;
  if (probe.label === null) return say("{1}. The network says: {2}.", probe.name, answer);
  return probe.label === probe.predicted
    ? say("{1}. The network says so, too.", probe.name)
    : say("{1}. The network says: {2}, which is wrong.", probe.name, answer);
}

function supported([half, largest]: readonly [number, number], name: string, layer: Layer): string {
  const [, height, width] = layer.shape;
  if (half === 0) return say("In {1}, nothing supports {2} here.", called(layer.name), name);
  return say(
    "In {1}, half of what supports {2} comes from {3} of {4} places; the strongest supports it by {5}.",
    called(layer.name),
    name,
    whole(half),
    whole(height * width),
    figure(largest),
  );
}

/** The images to choose from. */
function imagesView(store: Store): HTMLElement {
  const name = unique("image");
  const list = h("div", { class: "thumbnails" });
  const element = h("fieldset", { "data-part": "images" }, h("legend", {}, say("Image")), list);
  let inputs: HTMLInputElement[] = [];
  const build = latest(async (current) => {
    const { model } = store.shown;
    const pictures = await Promise.all(model.probes.map((_, probe) => store.shown.part("probes", probe)));
    if (!current()) return;
    inputs = model.probes.map((probe, at) =>
      h("input", {
        type: "radio",
        name,
        "aria-label": say("Image {1}: {2}", at + 1, probe.name),
        change: () => store.set({ image: at }),
      }),
    );
    fill(
      list,
      ...model.probes.map((probe, at) => {
        const canvas = h("canvas", { "aria-hidden": "true" });
        paintImage(canvas, pictures[at]!, ...model.input, 1);
        const number = h("span", { class: "number", "aria-hidden": "true" }, at + 1);
        return h("label", { class: "thumbnail", title: `${at + 1}: ${probe.name}` }, inputs[at], canvas, number);
      }),
    );
    check();
  });
  const check = (): void => inputs.forEach((input, at) => (input.checked = at === store.state.image));
  store.subscribe((state, before) => {
    if (state === before || state.model !== before.model) build();
    check();
  });
  return element;
}

const MOST_ANSWERS = 5;

/** What the network answers: the likeliest classes. */
function answersView(store: Store): HTMLElement {
  const list = h("ol", { class: "answers" });
  const draw = latest(async (current) => {
    const { shown: recorded, state } = store;
    const shares = await recorded.probabilities(state.image);
    if (!current()) return;
    const { label, predicted } = recorded.model.probes[state.image]!;
    const first = (at: number): number => (at === predicted ? 0 : 1); // of those that round to the same
    const order = [...shares.keys()].sort(
      (one, other) => shares[other]! - shares[one]! || first(one) - first(other) || one - other,
    );
    fill(
      list,
      ...order.slice(0, MOST_ANSWERS).map((at) => answer(recorded.model.classes[at]!, shares[at]!, at === label)),
    );
  });
  store.subscribe((state, before) => {
    if (state === before || state.image !== before.image || state.model !== before.model) draw();
  });
  return h(
    "section",
    { "data-part": "answers", "data-near": "answers" },
    h("h2", { class: "small" }, say("What the network answers")),
    list,
  );
}

function answer(name: string, share: number, truth: boolean): HTMLElement {
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, h("span"));
  (bar.firstChild as HTMLElement).style.width = `${100 * share}%`;
  return h(
    "li",
    {},
    h("span", { class: "name" }, name, truth && h("em", {}, ` ${say("(true)")}`)),
    bar,
    h("span", { class: "share" }, percent(share)),
  );
}

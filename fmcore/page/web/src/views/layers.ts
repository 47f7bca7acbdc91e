/** The way through the network: its layers in the order in which they run, from shallow to deep. */

import type { Layer } from "../contract";
import { fill, h, unique } from "../dom";
import { called, shapeOf } from "../numbers";
import { say } from "../say";
import type { Store } from "../store";
import { reveal } from "./sight";

export function layersView(store: Store): HTMLElement {
  const name = unique("layer");
  const list = h("div", { class: "layers" });
  const element = h(
    "fieldset",
    { class: "path", "data-part": "layers" },
    h("legend", {}, say("Layer, from shallow to deep: height × width × channels")),
    list,
  );
  let inputs: HTMLInputElement[] = [];
  store.subscribe((state, before) => {
    if (inputs.length === 0 || state.model !== before.model) {
      inputs = store.shown.model.layers.map((layer) =>
        h("input", { type: "radio", name, value: layer.name, change: () => store.enter(layer.name) }),
      );
      const labels = store.shown.model.layers.map((layer, at, layers) => {
        const other = readElsewhere(layer, layers[at - 1]);
        return h(
          "label",
          { class: `layer ${layer.type}${other === null ? "" : " apart"}`, title: layer.name },
          inputs[at],
          h("strong", {}, called(layer.name)),
          h("span", {}, shapeOf(layer.shape)),
          h("small", {}, sight(layer)),
          other !== null && h("small", {}, say("reads {1}", other)),
        );
      });
      fill(
        list,
        h("div", { class: "layer start" }, h("strong", {}, say("image")), h("span", {}, shapeOf(store.shown.model.input))),
        ...labels,
      );
    }
    for (const input of inputs) {
      input.checked = input.value === state.layer;
      if (input.checked && (state === before || state.layer !== before.layer)) reveal(input.parentElement!, list);
    }
  });
  return element;
}

const MOST_NAMED = 3;

/** What `layer` reads where that is not the layer before it alone; null where it is. */
function readElsewhere({ reads }: Layer, before: Layer | undefined): string | null {
  if (reads.length === 0 || (reads.length === 1 && reads[0] === (before?.name ?? ""))) return null;
  if (reads.length > MOST_NAMED) return say("{1} layers", reads.length);
  return reads.map((name) => (name === "" ? say("the image") : called(name))).join(", ");
}

function sight(layer: Layer): string {
  const { size, whole, exact, local } = layer.field;
  if (local) return say("sees {1} × {2} pixels, and the rest summed up", ...size);
  if (whole) return exact ? say("sees the whole image") : say("may see the whole image");
  return say(exact ? "sees {1} × {2} pixels" : "sees up to {1} × {2} pixels", ...size);
}

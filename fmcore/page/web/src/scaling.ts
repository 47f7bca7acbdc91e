/** Which range of values the colours of a map span, by the scale that is chosen. */

import type { Choice } from "./dom";
import type { Maps, Recorded } from "./recorded";
import { extentOf } from "./ranges";
import { say } from "./say";
import { scaleOf, type Scale } from "./scale";
import type { Store } from "./store";
import type { Numbers } from "./unpack";

/** The scales to choose from. */
export function scales(): Choice[] {
  return [
    { value: "per_map", text: say("per map"), title: say("The colours of every map reach to its own largest value") },
    { value: "per_layer", text: say("per layer"), title: say("All maps of a layer on one scale, for this image") },
    { value: "shared", text: say("shared"), title: say("All layers, images and models of this page on one scale") },
  ];
}

export function scaleFor(store: Store, recorded: Recorded, maps: Maps, values: Numbers): Scale {
  const { scale, stage } = store.state;
  const range =
    scale === "per_map" ? extentOf(values) : scale === "per_layer" ? maps.range : recorded.model.shared[stage];
  return scaleOf(range[0], range[1], store.tables);
}

/** What the choice means for who compares maps by their brightness. */
export function scaleNote(store: Store): string {
  switch (store.state.scale) {
    case "per_map":
      return say("Each map is stretched on its own: equal colours in two maps do not mean equal values.");
    case "per_layer":
      if (store.state.epoch !== null)
        return say(
          "All maps of this layer share one scale at this epoch: equal colours mean equal values, but not across epochs.",
        );
      return [
        say("All maps of this layer share one scale: equal colours mean equal values."),
        store.content.models.length > 1
          ? say("The other network's layer has its own: choose shared to compare them.")
          : "",
      ]
        .join(" ")
        .trim();
    case "shared":
      return store.state.epoch === null
        ? say("All layers, images and models share one scale: equal colours mean equal values everywhere.")
        : say(
            "All layers, images, models and epochs share the scale of the trained networks; what is beyond it looks like its end.",
          );
  }
}

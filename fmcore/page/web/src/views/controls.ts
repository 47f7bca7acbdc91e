/** The switches above the maps: which model, before or after the nonlinearity, which scale, which epoch. */

import { h, show, slider, switcher } from "../dom";
import { called, counted, percent } from "../numbers";
import { say } from "../say";
import { scales as scalesOf, scaleNote } from "../scaling";
import type { State } from "../state";
import { bends, straight, type Store } from "../store";

export function modelView(store: Store): HTMLElement {
  const models = switcher(
    say("Network"),
    store.content.models.map((model, at) => ({ value: String(at), text: model.name })),
    (value) => store.set({ model: +value }),
  );
  models.element.dataset["part"] = "compare";
  store.subscribe((state) => models.set(String(state.model)));
  show(models.element, store.content.models.length > 1);
  return models.element;
}

export function controlsView(store: Store): HTMLElement {
  const stages = switcher(
    say("Values"),
    [
      { value: "preactivation", text: say("pre-activation"), title: say("Before the nonlinearity φ") },
      { value: "activation", text: say("activation"), title: say("After the nonlinearity φ") },
    ],
    (value) => store.set({ stage: value as "activation" | "preactivation" }),
  );
  const scales = switcher(say("Colour scale"), scalesOf(), (value) => store.set({ scale: value as State["scale"] }));
  const channels = switcher(
    say("Channels"),
    [
      { value: "few", text: say("a few"), title: say("Channels chosen for their energy and diversity") },
      { value: "all", text: say("all") },
    ],
    (value) => store.set({ channels: value as "few" | "all" }),
  );
  stages.element.dataset["part"] = "stage";
  scales.element.dataset["part"] = "scale";
  channels.element.dataset["part"] = "channels";
  const note = h("p", { class: "note", "aria-live": "polite" });
  const linear = h("p", { class: "note", "data-part": "stage" });
  store.subscribe((state) => {
    stages.set(state.stage);
    scales.set(state.scale);
    channels.set(state.channels);
    stages.element.disabled = !bends(store.layer);
    linear.textContent = say("No nonlinearity directly follows {1}: there is nothing to switch.", called(store.layer.name));
    show(linear, store.layer.preactivation && straight(store.layer));
    note.textContent = scaleNote(store);
    note.classList.toggle("caution", state.scale === "per_map");
  });
  return h("div", { class: "controls" }, stages.element, scales.element, channels.element, linear, note);
}

/** The training scrubber: epoch 0 is before training. */
export function epochView(store: Store): HTMLElement {
  const told = (at: number): string => {
    const epoch = store.shown.model.epochs[at];
    if (epoch === undefined) return "";
    const when = whenOf(epoch.number);
    return epoch.accuracy === null ? when : say("{1}: {2} right", when, percent(epoch.accuracy));
  };
  const scrubber = slider(say("Training"), told, (at) => {
    const epoch = store.shown.model.epochs[at]!.number;
    store.set({ epoch: epoch === store.shown.lastEpoch ? null : epoch }, "degrees");
  });
  const note = h("p", { class: "note" });
  const element = h("div", { class: "epoch", "data-part": "epoch" }, scrubber.element, note);
  store.subscribe((state) => {
    const { epochs, historyProbes } = store.shown.model;
    show(element, epochs.length > 1);
    const at = epochs.findIndex((epoch) => epoch.number === (state.epoch ?? store.shown.lastEpoch));
    scrubber.set(at, 0, Math.max(epochs.length - 1, 0));
    const absent = !store.shown.remembers(store.layer, state.image, state.epoch);
    const held = historyProbes.map((probe) => String(probe + 1)).join(", ");
    const past = held !== "" && store.shown.hasPast(store.layer);
    note.textContent = !absent
      ? say(
          "The maps and the filter are of this epoch; answers, Grad-CAM and all that was measured are of the trained network.",
        )
      : !past
        ? say(
            "Maps of earlier epochs are not on this page; the filter is of this epoch; answers, Grad-CAM and all that was measured are of the trained network.",
          )
        : say(
            "Maps of earlier epochs are held for images {1}; the filter is of this epoch; answers, Grad-CAM and all that was measured are of the trained network.",
            held,
          );
    show(note, state.epoch !== null);
  });
  return element;
}

/** Which epoch that is, in words; "" for the last one. */
export function whenOf(epoch: number | null): string {
  if (epoch === null) return "";
  return epoch === 0 ? say("before training") : say("after {1}", counted(epoch, "epoch"));
}

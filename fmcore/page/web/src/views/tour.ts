/** The guided tour: what to notice, one step after the other; each step leads the page to what it speaks of. */

import { h, show } from "../dom";
import { say } from "../say";
import { patched } from "../state";
import type { Store } from "../store";
import { lead, partOf, stepInto } from "./sight";

export function tourView(store: Store): { start: HTMLElement; card: HTMLElement } {
  const { tour } = store.content;
  const title = h("h2", { tabindex: -1 });
  const text = h("p");
  const count = h("p", { class: "count" });
  const back = h("button", { type: "button", click: () => go(store.state.step! - 1) }, say("Back"));
  const next = h("button", { type: "button", class: "main", click: () => go(store.state.step! + 1) });
  const close = h("button", { type: "button", "aria-label": say("End the tour"), click: () => end() }, say("End"));
  const card = h(
    "section",
    { class: "tour", "data-part": "tour", "aria-label": say("Tour"), hidden: true },
    count,
    title,
    text,
    h("div", { class: "buttons" }, back, next, close),
  );
  const begin = h(
    "button",
    { type: "button", class: "main", click: () => go(0) },
    say("Take the tour: {1} steps", tour.length),
  );
  const start = h("p", { "data-part": "tour" }, begin);
  let spot: HTMLElement | null = null;

  const end = (): void => {
    store.set({ step: null });
    stepInto(spot ?? begin);
  };
  card.addEventListener("keydown", (event) => {
    if (event.key === "Escape") end();
  });

  const go = (step: number): void => {
    const wanted = tour[step];
    if (wanted === undefined) return end();
    store.set({ ...patched(patched(store.state, { with: "", place: "", class: "", epoch: "" }), wanted.state), step });
    title.focus({ preventScroll: true });
  };

  store.subscribe((state, before) => {
    const step = state.step === null ? undefined : tour[state.step];
    show(card, step !== undefined);
    document.body.classList.toggle("touring", step !== undefined);
    if (step === undefined) {
      spot?.classList.remove("spot");
      return;
    }
    count.textContent = say("Step {1} of {2}", state.step! + 1, tour.length);
    title.textContent = step.title;
    text.textContent = step.text;
    back.disabled = state.step === 0;
    next.textContent = state.step === tour.length - 1 ? say("Finish") : say("Next");
    if (state.step !== before.step || spot === null) {
      spot?.classList.remove("spot");
      spot = partOf(step.look);
      card.scrollTop = 0;
      spot?.classList.add("spot");
      card.classList.toggle("aside", !step.look.match(/^(image|overlay|answers)$/)); // not over what it speaks of
      lead(spot, state.step !== before.step);
    }
  });
  return { start, card };
}

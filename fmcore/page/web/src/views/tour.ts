/** The guided tour: what to notice, one step after the other; each step leads the page to what it speaks of. */

import { h, show } from "../dom";
import { say } from "../say";
import { patched } from "../state";
import type { Store } from "../store";

const SETTLED_MS = 700;
const NEAR_PX = 40;
const NARROW = "(max-width: 60rem)"; // where the page is one column: a part's gist is brought up, not its head

export function tourView(store: Store): { start: HTMLElement; card: HTMLElement } {
  const { tour } = store.content;
  const title = h("h2", { tabindex: -1 });
  const text = h("p");
  const count = h("p", { class: "count" });
  const back = h("button", { type: "button", click: () => go(store.state.step! - 1) }, say("Back"));
  const next = h("button", { type: "button", class: "main", click: () => go(store.state.step! + 1) });
  const close = h(
    "button",
    { type: "button", "aria-label": say("End the tour"), click: () => store.set({ step: null }) },
    say("End"),
  );
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
  let spot: Element | null = null;
  let busy = 0; // when the user did something last: then nothing moves by itself
  for (const kind of ["pointerdown", "wheel", "keydown", "touchstart"]) {
    addEventListener(kind, (event) => (busy = card.contains(event.target as Node) ? busy : performance.now()), {
      passive: true,
    });
  }

  /** Bring what is spoken of into sight, and once more when its pictures have taken their room. */
  const lead = (moving: boolean): void => {
    const still = !moving || matchMedia("(prefers-reduced-motion: reduce)").matches;
    spot?.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
    const [at, asked] = [spot, performance.now()];
    setTimeout(() => {
      if (at === spot && at !== null && busy < asked && Math.abs(at.getBoundingClientRect().top) > NEAR_PX) {
        at.scrollIntoView({ block: "start", behavior: "auto" });
      }
    }, SETTLED_MS);
  };

  const go = (step: number): void => {
    const wanted = tour[step];
    if (wanted === undefined) {
      store.set({ step: null });
      begin.focus();
      return;
    }
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
      const part = document.querySelector(`[data-look~="${step.look}"]`);
      spot = (matchMedia(NARROW).matches && part?.querySelector(`[data-near="${step.look}"]`)) || part;
      card.scrollTop = 0;
      spot?.classList.add("spot");
      card.classList.toggle("aside", !step.look.match(/^(image|overlay|answers)$/)); // not over what it speaks of
      lead(state.step !== before.step);
    }
  });
  return { start, card };
}

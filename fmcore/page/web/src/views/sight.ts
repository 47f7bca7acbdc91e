/** Bringing a part of the page into sight: steps of the tour and links to states do it alike. */

import type { Patch, Step } from "../contract";

const SETTLED_MS = 700;
const NEAR_PX = 40;
const NARROW = "(max-width: 60rem)"; // where the page is one column: a part's gist is brought up, not its head

let busy = 0; // when the user did something last: then nothing moves by itself
let spot: Element | null = null; // what was brought into sight last
for (const kind of ["pointerdown", "wheel", "keydown", "touchstart"]) {
  addEventListener(
    kind,
    (event) => (busy = (event.target as Element).closest?.(".tour") ? busy : performance.now()),
    { passive: true, capture: true },
  );
}

/** The part of the page that `look` names. */
export function partOf(look: string): HTMLElement | null {
  const part = document.querySelector<HTMLElement>(`[data-look~="${look}"]`);
  return (matchMedia(NARROW).matches && part?.querySelector<HTMLElement>(`[data-near="${look}"]`)) || part;
}

/** Let the keyboard and a screen reader go on from `part`. */
export function stepInto(part: HTMLElement | null): void {
  if (part === null) return;
  if (!part.hasAttribute("tabindex")) part.tabIndex = -1;
  part.focus({ preventScroll: true });
}

/** What a link to `patch` speaks of. */
export function lookOf(patch: Patch): Step["look"] {
  if (patch["class"]) return "overlay";
  if (patch["place"] && partOf("place")?.checkVisibility()) return "place";
  return patch["epoch"] || patch["channel"] || patch["layer"] ? "maps" : "image";
}

/** Bring `part` into sight, and once more when the page's pictures have taken their room. */
export function lead(part: Element | null, moving: boolean): void {
  spot = part;
  const still = !moving || matchMedia("(prefers-reduced-motion: reduce)").matches;
  part?.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  const asked = performance.now();
  setTimeout(() => {
    if (part === spot && part !== null && busy < asked && Math.abs(part.getBoundingClientRect().top) > NEAR_PX) {
      part.scrollIntoView({ block: "start", behavior: "auto" });
    }
  }, SETTLED_MS);
}

/** Scroll `list` until `label` is in sight in it; `scrollIntoView` would also say where the first Tab goes. */
export function reveal(label: Element, list: Element): void {
  const [own, room] = [label.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollLeft += Math.min(0, own.left - room.left) + Math.max(0, own.right - room.right);
  list.scrollTop += Math.min(0, own.top - room.top) + Math.max(0, own.bottom - room.bottom);
}

/** Places under a pointer: a mouse points by moving, a finger by a tap or by drawing sideways, and scrolls otherwise. */

import type { Place } from "../geometry";
import type { Store } from "../store";

const DRAWN_PX = 8; // how far a finger goes before it is no tap, and, in the style, no scroll unless it goes sideways

/** Let `element` lead the place of `store`; `under` says which one lies under an event. */
export function points(store: Store, element: HTMLElement, under: (event: MouseEvent) => Place): void {
  let from: readonly [number, number] | null = null; // where a finger came down
  let drawn = false;
  element.addEventListener("pointerdown", (event) => {
    drawn = false;
    from = event.pointerType === "touch" ? [event.clientX, event.clientY] : null;
  });
  element.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch") {
      if (from === null) return;
      drawn ||= Math.abs(event.clientX - from[0]) > Math.max(DRAWN_PX, Math.abs(event.clientY - from[1]));
      if (!drawn) return;
    }
    store.point(under(event));
  });
  element.addEventListener("pointerup", (event) => {
    if (drawn) store.set({ place: under(event) }, "degrees"); // what a finger has read stays
    drawn = false;
    from = null;
  });
  for (const kind of ["pointercancel", "pointerleave"]) {
    element.addEventListener(kind, () => {
      drawn = false;
      from = null;
      store.point(null);
    });
  }
  element.addEventListener("click", (event) => store.set({ place: under(event) }, "degrees"));
}

/** A link to a state of the page: it can be copied, and following it brings what it shows into sight. */

import type { Patch } from "../contract";
import { h } from "../dom";
import type { Store } from "../store";
import { lead, lookOf, partOf, stepInto } from "./sight";

/** `followed` is told when it is followed here, rather than into a window of its own. */
export function stateLink(
  store: Store,
  patch: Patch,
  text: string,
  { name, followed }: { readonly name?: string; readonly followed?: () => void } = {},
): HTMLAnchorElement {
  const link = h(
    "a",
    {
      "aria-label": name,
      click: (event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into a window of its own
        event.preventDefault();
        store.visit(patch);
        followed?.();
        const look = lookOf(patch);
        const part = partOf(look);
        stepInto(part?.querySelector<HTMLElement>(`[data-near="${look}"]`) ?? part); // which has a name to be read out
        lead(part, false);
      },
    },
    text,
  );
  store.subscribe(() => (link.href = store.address(patch)));
  return link;
}

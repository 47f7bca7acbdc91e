/** A link to a state of the page: it can be copied, and following it brings what it shows into sight. */

import type { Patch } from "../contract";
import { h } from "../dom";
import type { Store } from "../store";

export function stateLink(store: Store, patch: Patch, text: string, name?: string): HTMLAnchorElement {
  const link = h(
    "a",
    {
      "aria-label": name,
      click: (event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return; // into a window of its own
        event.preventDefault();
        store.visit(patch);
        document.querySelector(".bench")?.scrollIntoView({ block: "start" });
      },
    },
    text,
  );
  store.subscribe(() => (link.href = store.address(patch)));
  return link;
}

/** The values of a map as a table, for who does not see the picture and for who wants the numbers. */

import { fill, h, show } from "../dom";
import type { Place } from "../geometry";
import { figure } from "../numbers";
import { say } from "../say";
import type { Numbers } from "../unpack";

const MOST = 32; // rows and columns of a table; of larger maps the part around the place

export function valuesTable(): {
  element: HTMLElement;
  show(values: Numbers | null, height: number, width: number): void;
  mark(place: Place | null): void;
} {
  const holder = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": say("Values of the chosen map") });
  const element = h("details", { toggle: () => draw() }, h("summary", {}, say("Its values as a table")), holder);
  let values: Numbers | null = null;
  let size: Place = [0, 0];
  let at: Place | null = null;
  let drawn: readonly unknown[] = [];

  const draw = (): void => {
    if (!element.open || values === null) return;
    const rows = span(at?.[0] ?? 0, size[0]);
    const columns = span(at?.[1] ?? 0, size[1]);
    if (drawn[0] === values && drawn[1] === rows[0] && drawn[2] === columns[0]) return;
    drawn = [values, rows[0], columns[0]];
    const all = values;
    fill(
      holder,
      h(
        "table",
        {},
        h(
          "caption",
          {},
          rows.length < size[0] || columns.length < size[1] ? say("The part around the chosen place") : say("All values"),
        ),
        h("tr", {}, h("td"), ...columns.map((column) => h("th", { scope: "col" }, column + 1))),
        ...rows.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, row + 1),
            ...columns.map((column) => h("td", {}, figure(all[row * size[1] + column]!))),
          ),
        ),
      ),
    );
  };

  return {
    element,
    show: (next, height, width) => {
      values = next;
      size = [height, width];
      show(element, next !== null);
      draw();
    },
    mark: (place) => {
      at = place;
      if (size[0] > MOST || size[1] > MOST) draw();
    },
  };
}

/** Up to `MOST` neighbours around `at`, in steps so that small moves change nothing. */
function span(at: number, length: number): number[] {
  const half = MOST / 2;
  const first = Math.min(Math.max(Math.floor(at / half) * half - half / 2, 0), Math.max(length - MOST, 0));
  return Array.from({ length: Math.min(length, MOST) }, (_, step) => first + step);
}

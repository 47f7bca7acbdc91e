/** One large feature map: move over it with the pointer or with the arrow keys, and every part of the page follows. */

import { h, show, stretch } from "../dom";
import type { Place } from "../geometry";
import { say } from "../say";
import { paint, type Scale } from "../scale";
import type { Store } from "../store";
import type { Numbers } from "../unpack";
import { points } from "./pointing";

const STEPS: Readonly<Record<string, Place>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-8, 0],
  PageDown: [8, 0],
};

export class MapFigure {
  private readonly title = h("figcaption");
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly cross = h("div", { class: "cross", hidden: true });
  private readonly sheet = h("div", { class: "sheet" }, this.canvas, this.cross);
  private readonly note = h("p", { class: "reading" });
  readonly element = h("figure", { class: "map" }, this.title, this.sheet, this.note);
  private size: Place = [1, 1];

  /** `store` where the figure leads the place; without one it only shows it. */
  constructor(private readonly store: Store | null) {
    if (store === null) return;
    const { sheet } = this;
    sheet.tabIndex = 0;
    sheet.setAttribute("role", "application");
    sheet.setAttribute("aria-roledescription", say("feature map"));
    points(store, sheet, (event) => this.under(event));
    sheet.addEventListener("keydown", (event) => this.key(event));
  }

  show(title: string, description: string, values: Numbers, height: number, width: number, scale: Scale): void {
    this.size = [height, width];
    this.title.textContent = title;
    this.sheet.setAttribute("aria-label", description);
    if (this.store === null) this.sheet.setAttribute("role", "img");
    paint(this.canvas, values, height, width, scale);
    this.sheet.style.aspectRatio = `${width} / ${height}`;
    this.sheet.dataset["tall"] = String(height > width);
  }

  mark(place: Place | null, reading: string): void {
    const [height, width] = this.size;
    show(this.cross, place !== null);
    if (place !== null) stretch(this.cross, place[0] / height, place[1] / width, 1 / height, 1 / width);
    this.note.textContent = reading;
  }

  private under(event: MouseEvent): Place {
    const box = this.sheet.getBoundingClientRect();
    const at = (share: number, count: number): number => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    return [
      at((event.clientY - box.top) / box.height, this.size[0]),
      at((event.clientX - box.left) / box.width, this.size[1]),
    ];
  }

  private key(event: KeyboardEvent): void {
    const store = this.store!;
    const [height, width] = this.size;
    const [row, column] = store.state.place ?? [Math.floor(height / 2), Math.floor(width / 2)];
    const step = STEPS[event.key];
    let place: Place | null;
    if (step !== undefined && store.state.place === null) place = [row, column];
    else if (step !== undefined) {
      place = [Math.min(Math.max(row + step[0], 0), height - 1), Math.min(Math.max(column + step[1], 0), width - 1)];
    } else if (event.key === "Home") place = [row, 0];
    else if (event.key === "End") place = [row, width - 1];
    else if (event.key === "Escape") place = null;
    else return;
    event.preventDefault();
    store.point(null);
    store.set({ place }, "degrees");
  }
}

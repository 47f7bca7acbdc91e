/** How the value of a place comes about: patch x kernel, summed, plus bias, and then the nonlinearity. */

import { weightiest, workshop, type Slice, type Working, type Workshop } from "../arithmetic";
import type { Layer } from "../contract";
import { dropdown, fill, h, show } from "../dom";
import type { Place } from "../geometry";
import { called, decimalsOf, even, figure, fixed, summands } from "../numbers";
import { extentOf } from "../ranges";
import { say } from "../say";
import { colourOf, inkOn, scaleOf } from "../scale";
import { latest, type Store } from "../store";

export function workingView(store: Store): HTMLElement {
  const patch = new Grid("patch", say("patch"));
  const kernel = new Grid("kernel", say("kernel"));
  const products = new Grid("products", say("products"));
  const sum = h("div", { class: "sum" });
  const proof = h("p", { class: "note proof" });
  const whose = h("p", { class: "note whose" });
  let chosen: number | null = null; // the input channel that is shown; null is the weightiest
  const inputs = dropdown(say("Input channel"), (value) => {
    chosen = value === "" ? null : +value;
    tell(store.place);
  });
  const grids = h("div", { class: "grids" }, patch.element, led("×", kernel.element), led("=", products.element));
  const colours = h("p", { class: "note" }, say("Each block of numbers is coloured on a scale of its own."));
  const shown = h("div", {}, inputs.element, grids, colours, sum, proof);
  const element = h(
    "section",
    { class: "working", "data-part": "arithmetic", "aria-label": say("Where the value comes from") },
    h("h2", {}, say("Where the value comes from")),
    whose,
    shown,
  );
  let shop: Workshop | null = null;
  let shopOf = ""; // what it is the workshop of, while another may be on its way

  const tell = (wanted: Place | null): void => {
    if (shop !== null && shopOf !== subject(store)) return; // what stands here is replaced in a moment
    const ready = shop !== null && store.state.epoch === null;
    show(shown, ready);
    if (shop === null || store.state.epoch !== null) {
      whose.textContent =
        shop === null
          ? why(store)
          : say("Sums are worked out for the trained network: move the training slider to its end to see them.");
      return;
    }
    const place = wanted ?? shop.strongest; // there always is a sum, so that nothing moves when one is pointed at
    const [row, column] = [place[0] + 1, place[1] + 1];
    whose.textContent =
      wanted === null
        ? say("Row {1}, column {2}: the largest sum of this map, until another place is chosen.", row, column)
        : say("Row {1}, column {2}.", row, column);
    const working = shop.at(place);
    const at = chosen !== null && chosen < working.slices.length ? chosen : weightiest(working.slices);
    const one = working.slices[at]!;
    const { layer } = store;
    const width = layer.kernel[1];
    inputs.set(
      [
        { value: "", text: say("the one that counts most") },
        ...working.slices.map((slice, k) => ({ value: String(k), text: say("channel {1}", slice.input + 1) })),
      ],
      chosen === null ? "" : String(chosen),
    );
    show(inputs.element, working.slices.length > 1);
    const alone = working.slices.length === 1 && one.of > 1; // of the channels that go in it reads this one
    patch.call(alone ? say("patch of channel {1}", one.input + 1) : say("patch"));
    patch.show(one.patch, width, store);
    kernel.show(one.kernel, width, store);
    products.show(
      one.patch.map((value, k) => value * one.kernel[k]!),
      width,
      store,
    );
    fill(sum, ...sentence(working, one, layer));
    const equal = Math.abs(working.value - working.recorded) <= working.tolerance;
    const recorded = figure(working.recorded, working.rounded ? 3 : 6);
    const kind = say(layer.sum ? "sum" : "pre-activation");
    proof.textContent = !equal
      ? say("The network itself recorded {1} as this {2}, which is another value: this page is damaged.", recorded, kind)
      : working.rounded
        ? say(
            "The network itself recorded {1} as this {2}: the same, as far as the rounded values of this page tell.",
            recorded,
            kind,
          )
        : say("The network itself recorded {1} as this {2}: the same, but for the rounding of float32.", recorded, kind);
    proof.dataset["equal"] = String(equal);
  };

  const draw = latest(async (current) => {
    const { layer, state, shown: recorded } = store;
    const of = subject(store);
    const found = await workshop(recorded, layer, state.channel, state.image);
    if (!current()) return;
    shop = found;
    shopOf = of;
    tell(store.place);
  });
  store.subscribe((state, before) => {
    if (state.layer !== before.layer || state.channel !== before.channel) chosen = null;
    draw();
  });
  store.onPlace(tell);
  return element;
}

function subject(store: Store): string {
  const { model, layer, channel, image } = store.state;
  return JSON.stringify([model, layer, channel, image]);
}

function why(store: Store): string {
  const { layer } = store;
  if (layer.type === "pooling") {
    return say(
      "{1} pools: each of its values is taken from {2} × {3} places of the map before it, and no filter is learned.",
      called(layer.name),
      ...layer.kernel,
    );
  }
  if (layer.type === "block")
    return say("{1} is a block of several layers, so no single filter makes its values.", called(layer.name));
  return layer.weighted.includes(store.state.channel)
    ? say("This page does not hold all that went into this layer, so its values cannot be worked out here.")
    : say("This page does not hold the filter of this channel; those of the channels shown first are here.");
}

/** The sum in one line: every part has the name that it has elsewhere, and what is shown adds up. */
function sentence(working: Working, one: Slice, layer: Layer): HTMLElement[] {
  const normalised = layer.sum;
  const { slices, total, bias, scale, shift, value } = working;
  const many = slices.length > 1;
  const sum = total + bias;
  const parts = many ? [one.sum, total - one.sum, bias] : [total, bias];
  const enough = decimalsOf([...parts, sum, value], 4);
  const decimals = enough && Math.max(enough, Math.min(decimalsOf([value], 2) ?? 0, enough + 2)); // of what hardly is there
  const shown = decimals === null ? parts : summands(parts, sum, decimals);
  const part = (name: string, number: string): HTMLElement =>
    h("span", { class: "term" }, h("b", {}, number), h("small", {}, name));
  const rest = slices.length - 1;
  const names = many
    ? [
        say("sum of channel {1}", one.input + 1),
        rest === 1 ? say("of one other channel") : say("of {1} other channels", rest),
        say("bias"),
      ]
    : [say("sum of the products"), say("bias")];
  const terms = names.map((name, at) => {
    const term = part(name, parts[at] === 0 || decimals === null ? figure(parts[at]!) : fixed(shown[at]!, decimals));
    return at === 0 ? term : led("+", term);
  });
  const scaled = scale !== 1 || shift !== 0;
  const made = scaled
    ? [
        led("=", part(say("sum"), even(sum, decimals))),
        led("×", part(say(layer.normalisation === "batch_norm" ? "scale of batch norm" : "scale"), figure(scale, 4))),
        led("+", part(say("shift"), even(shift, decimals))),
      ]
    : [];
  const result = led("=", part(say(normalised ? "before normalisation" : "pre-activation"), even(value, decimals)));
  return [...terms, ...made, result, ...became(working, layer, decimals, part)];
}

/** The step from the sum to what the map shows. */
function became(
  { value, activation }: Working,
  layer: Layer,
  decimals: number | null,
  part: (name: string, number: string) => HTMLElement,
): HTMLElement[] {
  const { nonlinearity, sum: normalised } = layer;
  if (!normalised && (nonlinearity === "relu" || nonlinearity === "relu6")) {
    const bent = Math.min(Math.max(value, 0), nonlinearity === "relu6" ? 6 : Infinity);
    return [led("→ φ →", part(say("activation"), even(bent, decimals)))];
  }
  if (activation === null) return [];
  const bends = nonlinearity !== "none";
  if (!normalised) return bends ? [led("→ φ →", part(say("activation"), figure(activation, 4)))] : [];
  const name = bends ? say("activation: normalised, then φ") : say("activation: normalised");
  return [led("→", part(name, figure(activation, 4)))];
}

/** A part with the sign before it: lines break before signs. */
function led(sign: string, part: HTMLElement): HTMLElement {
  return h("div", { class: "led" }, h("span", { class: "sign" }, sign), part);
}

/** Numbers in cells of their own colours. */
class Grid {
  private readonly table = h("table");
  private readonly caption = h("figcaption");
  private readonly room: HTMLElement;
  readonly element: HTMLElement;
  private cells: HTMLTableCellElement[] = [];
  private width = 0;

  constructor(kind: string, name: string) {
    this.room = h("div", { role: "group" }, this.table);
    this.element = h("figure", { class: `cells ${kind}` }, this.caption, this.room);
    this.call(name);
    new ResizeObserver(() => {
      if (this.room.scrollWidth > this.room.clientWidth) this.room.tabIndex = 0; // by keyboard, too
      else this.room.removeAttribute("tabindex");
    }).observe(this.room);
  }

  call(name: string): void {
    this.caption.textContent = name;
    this.room.setAttribute("aria-label", name);
  }

  show(values: readonly number[], width: number, store: Store): void {
    if (this.cells.length !== values.length || this.width !== width) {
      this.width = width;
      this.cells = values.map(() => h("td"));
      const rows = Math.ceil(values.length / width);
      fill(
        this.table,
        ...Array.from({ length: rows }, (_, row) => h("tr", {}, ...this.cells.slice(row * width, (row + 1) * width))),
      );
    }
    const scale = scaleOf(...extentOf(values), store.tables);
    const decimals = decimalsOf(values, 3);
    values.forEach((value, at) => {
      const cell = this.cells[at]!;
      cell.textContent = even(value, decimals);
      cell.style.backgroundColor = colourOf(value, scale);
      cell.style.color = inkOn(value, scale);
    });
  }
}

/** Elements from data. Text goes in as text nodes and attributes by name, so no string can become markup. */

export type Child = Node | string | number | null | undefined | false;
type Handler = (event: never) => void;
type Attributes = Readonly<Record<string, string | number | boolean | Handler | undefined>>;

/** An element; a function belongs to the event of its name, true is an empty attribute, false and undefined are none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) {
      parent.append(child instanceof Node ? child : String(child));
    }
  }
}

/** Put `children` in the place of what `parent` holds. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

export function show(element: HTMLElement, shown: boolean): void {
  element.hidden = !shown;
}

/** Place `element` over its parent, in shares of the parent's sides. */
export function stretch(element: HTMLElement, top: number, left: number, height: number, width: number): void {
  const style = element.style;
  style.top = `${100 * top}%`;
  style.left = `${100 * left}%`;
  style.height = `${100 * height}%`;
  style.width = `${100 * width}%`;
}

let count = 0;

/** A name that no other element of the page has. */
export function unique(word: string): string {
  count += 1;
  return `${word}-${count}`;
}

export interface Choice {
  readonly value: string;
  readonly text: string;
  readonly title?: string;
}

/** Radio buttons in a row that look like one switch; `set` checks one without telling. */
export function switcher(
  legend: string,
  choices: readonly Choice[],
  chosen: (value: string) => void,
): { element: HTMLFieldSetElement; set(value: string): void } {
  const name = unique("switch");
  const inputs = choices.map((choice) =>
    h("input", { type: "radio", name, value: choice.value, change: () => chosen(choice.value) }),
  );
  const labels = choices.map((choice, at) =>
    h("label", { title: choice.title }, inputs[at], h("span", {}, choice.text)),
  );
  const element = h("fieldset", { class: "switch" }, h("legend", {}, legend), h("div", {}, ...labels));
  return {
    element,
    set: (value) => inputs.forEach((input) => (input.checked = input.value === value)),
  };
}

/** A check box with its text. */
export function tick(
  text: Child,
  chosen: (on: boolean) => void,
): { element: HTMLLabelElement; set(on: boolean): void } {
  const input = h("input", { type: "checkbox", change: () => chosen(input.checked) });
  return { element: h("label", { class: "tick" }, input, text), set: (on) => (input.checked = on) };
}

/** A slider over whole numbers; `told` is what a screen reader says and what stands beside it. */
export function slider(
  text: string,
  told: (value: number) => string,
  moved: (value: number) => void,
): { element: HTMLElement; set(value: number, least: number, most: number): void } {
  const output = h("output", {});
  const input = h("input", { type: "range", input: () => (tell(), moved(input.valueAsNumber)) });
  const tell = (): void => {
    output.textContent = told(input.valueAsNumber);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return {
    element: h("label", { class: "slider" }, h("span", {}, text), input, output),
    set: (value, least, most) => {
      input.min = String(least);
      input.max = String(most);
      input.value = String(value);
      tell();
    },
  };
}

/** A list to choose from, filled anew by `set`. */
export function dropdown(
  text: string,
  chosen: (value: string) => void,
): { element: HTMLLabelElement; set(choices: readonly Choice[], value: string): void } {
  const select = h("select", { change: () => chosen(select.value) });
  let shown = "";
  return {
    element: h("label", { class: "dropdown" }, h("span", {}, text), select),
    set: (choices, value) => {
      const wanted = JSON.stringify(choices);
      if (wanted !== shown) {
        fill(select, ...choices.map((choice) => h("option", { value: choice.value }, choice.text)));
        shown = wanted;
      }
      select.value = value;
    },
  };
}

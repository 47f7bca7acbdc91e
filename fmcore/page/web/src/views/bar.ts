/** The colour bar: what the colours of a scale are worth. */

import { h } from "../dom";
import { figure } from "../numbers";
import { say } from "../say";
import { paint, type Scale } from "../scale";

export class ColourBar {
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly numbers = [h("span"), h("span"), h("span")] as const;
  readonly element = h("div", { class: "colour-bar", role: "img" }, this.canvas, h("div", {}, ...this.numbers));

  show(scale: Scale): void {
    const reach = scale.high - scale.low;
    paint(
      this.canvas,
      Array.from({ length: 256 }, (_, at) => scale.low + (at * reach) / 255),
      1,
      256,
      scale,
    );
    [scale.low, scale.low + reach / 2, scale.high].forEach((value, at) => {
      this.numbers[at]!.textContent = figure(value);
    });
    this.element.setAttribute(
      "aria-label",
      say(
        scale.signed
          ? "Colour scale from {1} to {2}; zero is black, blue is below it, red above"
          : "Colour scale from {1} to {2}; zero is black, the largest is bright yellow",
        figure(scale.low),
        figure(scale.high),
      ),
    );
  }
}

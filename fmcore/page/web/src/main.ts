/** The page: reads what the exporter wrote, builds the views, and lets the address say what they show. */

import { SCHEMA, type Content } from "./contract";
import { h } from "./dom";
import { say, speak } from "./say";
import { Store } from "./store";
import { channelView } from "./views/channel";
import { chosenView } from "./views/chosen";
import { controlsView, epochView, modelView } from "./views/controls";
import { filmView } from "./views/film";
import { imageView } from "./views/image";
import { layersView } from "./views/layers";
import { mapsView } from "./views/maps";
import { limitsView, notesView, questionsView } from "./views/reading";
import { tourView } from "./views/tour";
import { workingView } from "./views/working";

function read(name: string): string {
  return document.getElementById(name)?.textContent ?? "";
}

function build(root: HTMLElement): void {
  const content = JSON.parse(read("content")) as Content;
  if (content.schema !== SCHEMA)
    throw new Error(`This page has schema ${content.schema} where its script reads ${SCHEMA}.`);
  speak(content);
  const store = new Store(content, read("data").trim());
  const tour = tourView(store);
  const film = content.film && filmView(store, content.film);
  const look = (words: string, element: HTMLElement): HTMLElement => {
    element.dataset["look"] = words;
    return element;
  };
  const main = h(
    "main",
    { id: "explore", tabindex: -1 },
    h("div", { class: "head" }, look("compare", modelView(store)), look("layers", layersView(store)), film?.back),
    h(
      "div",
      { class: "bench" },
      look("image overlay answers", imageView(store)),
      h(
        "div",
        { class: "work" },
        look(
          "maps",
          h("div", { class: "panel" }, controlsView(store), look("epoch", epochView(store)), mapsView(store)),
        ),
        h(
          "div",
          { class: "panel place" },
          chosenView(store),
          h("div", { class: "known" }, look("place", workingView(store)), look("channel", channelView(store))),
        ),
      ),
    ),
    film?.element,
    h("div", { class: "lower" }, notesView(store), content.questions.length > 0 && questionsView(store)),
  );
  root.replaceChildren(
    h("button", { type: "button", class: "skip", click: () => main.focus() }, say("To the maps")),
    h(
      "header",
      {},
      h("h1", {}, content.title),
      h("p", {}, content.models.map((model) => model.about[0] ?? "").join(" ")),
      content.tour.length > 0 && tour.start,
      h("button", { type: "button", class: "print", "data-part": "print", click: () => print() }, say("Print a handout")),
    ),
    main,
    limitsView(store),
    tour.card,
  );
  store.subscribe((state) => {
    for (const part of document.querySelectorAll<HTMLElement>("[data-part]")) {
      part.classList.toggle("locked", state.hide.includes(part.dataset["part"]!));
    }
  });
  store.tell();
}

const root = document.getElementById("page")!;
try {
  build(root);
} catch (error) {
  root.replaceChildren(h("p", { class: "failed", role: "alert" }, `This page cannot be shown: ${String(error)}`));
  throw error;
}

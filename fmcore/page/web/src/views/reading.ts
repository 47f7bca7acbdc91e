/** What is read rather than tried: questions, notes, and what this page rounds or leaves out. */

import type { Block, Question } from "../contract";
import { fill, h, unique } from "../dom";
import { say } from "../say";
import type { Store } from "../store";
import { stateLink } from "./link";

export function questionsView(store: Store): HTMLElement {
  const { questions } = store.content;
  return h(
    "section",
    { class: "questions", "data-part": "questions" },
    h("h2", {}, say("Questions")),
    h("p", { class: "hint" }, say("Every answer is worked out from the numbers of this page.")),
    h("ol", {}, ...questions.map((question, at) => h("li", {}, asked(store, question, at + 1)))),
  );
}

/** One question: choose, then check; the second wrong answer, or the right one, brings the solution. */
function asked(store: Store, question: Question, number: number): HTMLElement {
  const name = unique("question");
  const verdict = h("div", { class: "verdict", role: "status" });
  const see = question.state && stateLink(store, question.state, say("See it above"));
  const inputs = question.options.map(() => h("input", { type: "radio", name }));
  let tried = -1; // the first wrong option that was checked
  const check = (): void => {
    const chosen = inputs.findIndex((input) => input.checked);
    const right = chosen === question.answer;
    verdict.className = `verdict ${right ? "right" : chosen < 0 ? "" : "wrong"}`;
    if (chosen < 0) {
      fill(verdict, h("p", {}, say("Choose an answer first.")));
      return;
    }
    if (!right && (tried < 0 || tried === chosen)) {
      tried = chosen;
      fill(verdict, h("p", {}, h("strong", {}, say("Not quite: try again."))));
      return;
    }
    tried = question.options.length; // from now on the solution is known
    fill(
      verdict,
      h(
        "p",
        {},
        h("strong", {}, right ? say("Right.") : say("Not quite: it is “{1}”.", question.options[question.answer]!)),
        " ",
        question.why,
      ),
      see,
    );
  };
  return h(
    "fieldset",
    {},
    h("legend", {}, `${number}. ${question.text}`),
    ...question.options.map((option, at) => h("label", { class: "option" }, inputs[at], h("span", {}, option))),
    h("button", { type: "button", click: check }, say("Check")),
    verdict,
  );
}

export function notesView(store: Store): HTMLElement {
  return h(
    "section",
    { class: "notes", "data-part": "notes", "data-look": "notes", "aria-label": say("Notes") },
    ...store.content.notes.map(block),
  );
}

function block(one: Block): HTMLElement {
  switch (one.kind) {
    case "heading":
      return h(one.level === 2 ? "h2" : "h3", {}, one.text);
    case "paragraph":
      return h("p", {}, one.text);
    case "formula":
      return h("p", { class: "formula" }, one.text);
    case "list":
      return h("ul", {}, ...one.items.map((item) => h("li", {}, item)));
  }
}

export function limitsView(store: Store): HTMLElement {
  const { limits, fmcore, models, comparison } = store.content;
  return h(
    "footer",
    {},
    ...models.flatMap((model) => [
      models.length > 1 && h("h2", { class: "small" }, model.name),
      h("p", {}, model.about.join(" ")),
    ]),
    comparison.length > 0 && h("p", { "data-part": "compare" }, comparison.join(" ")),
    limits.length > 0 && h("h2", { class: "small" }, say("What this page rounds or leaves out")),
    limits.length > 0 && h("ul", {}, ...limits.map((limit) => h("li", {}, limit))),
    h("p", {}, say("Made with fmcore {1}. All numbers are of the recorded network; nothing is simulated.", fmcore)),
  );
}

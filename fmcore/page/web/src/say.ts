/** What the page says in its own words: English, or what the page's translation has for it. */

import type { Content } from "./contract";
import type { Text } from "./texts";

let words: Content["words"] = {};
let comma = false;

/** Speak the language of `content` from now on; the page itself says which one that is. */
export function speak(content: Content): void {
  words = content.words;
  comma = content.decimal === ",";
}

/** `text` with what stands in the place of {1}, {2} ... */
export function say(text: Text, ...held: readonly (string | number)[]): string {
  return term(text).replace(/\{(\d+)\}/g, (place, number: string) => ordered(String(held[+number - 1] ?? place)));
}

/** A word that came with the content, such as the name of a pattern. */
export function term(text: string): string {
  return Object.hasOwn(words, text) ? words[text]! : text;
}

/** `text` in the order of its parts, in a language that is written from the right, too. */
export function ordered(text: string): string {
  return document.documentElement.dir === "rtl" ? `\u2066${text}\u2069` : text;
}

/** A number that is written with a decimal point, as this language writes it. */
export function local(written: string): string {
  return comma ? written.replace(/[.,]/g, (mark) => (mark === "." ? "," : ".")) : written;
}

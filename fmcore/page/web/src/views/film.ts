/** The lesson's film beside the page: chapters lead into it and from it to what the page shows of the same. */

import type { Chapter, Film } from "../contract";
import { fill, h, show } from "../dom";
import { clock } from "../numbers";
import { patched } from "../state";
import type { Store } from "../store";

export function filmView(store: Store, film: Film): HTMLElement {
  const video = h("video", { controls: true, preload: "metadata", playsinline: true });
  const missing = h("p", { class: "note" });
  const heading = h("h2", {}, "The film");
  video.addEventListener("error", () => {
    show(video, false);
    missing.textContent = `The film is not beside this page: put “${film.file}” into the same folder.`;
  });
  video.src = film.file.split("/").map(encodeURIComponent).join("/");
  const track = video.addTextTrack("captions", "English", "en");
  for (const { start, end, text } of film.captions) {
    const cue = new VTTCue(start, end, escaped(text));
    track.addCue(cue);
  }
  track.mode = "showing";
  const play = (chapter: Chapter): void => {
    video.currentTime = chapter.start;
    video.scrollIntoView({ block: "nearest" });
    void video.play().catch(() => undefined); // a browser may want a click on the film itself
  };
  const rows = film.chapters.map((chapter) => {
    const link = chapter.state && h("a", { href: store.address(chapter.state) }, "show it here");
    const row = h(
      "li",
      {},
      h("button", { type: "button", click: () => play(chapter) }, h("span", {}, clock(chapter.start)), ` ${chapter.title}`),
      link,
    );
    return { chapter, row, link };
  });
  const back = h("p", { class: "back" });
  store.subscribe((state) => {
    const about = film.chapters.filter(
      (chapter) => chapter.state && patched(state, chapter.state).layer === state.layer && patched(state, chapter.state).model === state.model,
    );
    fill(
      back,
      about.length > 0 && `The film on ${state.layer}: `,
      ...about.map((chapter) => h("button", { type: "button", click: () => play(chapter) }, `${clock(chapter.start)} ${chapter.title}`)),
    );
    for (const { chapter, link } of rows) if (link) link.href = store.address(chapter.state!);
  });
  return h("section", { class: "film", "data-part": "film" }, heading, video, missing, back, h("ol", { class: "chapters" }, ...rows.map((one) => one.row)));
}

/** Cues know a markup of their own. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

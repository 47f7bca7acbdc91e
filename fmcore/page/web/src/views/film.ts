/** The lesson's film beside the page: chapters lead into it and from it to what the page shows of the same. */

import type { Chapter, Film } from "../contract";
import { fill, h, show } from "../dom";
import { called, clock } from "../numbers";
import { say } from "../say";
import { patched } from "../state";
import type { Store } from "../store";
import { stateLink } from "./link";

const MOST_BACK = 4;

/** The film, and the way back to it from a layer that it speaks of. */
export function filmView(store: Store, film: Film): { element: HTMLElement; back: HTMLElement } {
  const video = h("video", { controls: true, preload: "metadata", playsinline: true });
  const missing = h("p", { class: "note" });
  video.addEventListener("error", () => {
    gone = true;
    for (const one of [video, list, back]) show(one, false);
    missing.textContent = say("The film is not beside this page: put “{1}” into the same folder.", film.file);
  });
  const address = (file: string): string => file.split("/").map(encodeURIComponent).join("/");
  video.poster = address(film.poster);
  video.addEventListener("loadedmetadata", () => {
    video.style.aspectRatio = `${video.videoWidth} / ${video.videoHeight}`; // also where the poster is gone
  });
  video.src = address(film.file);
  const track = video.addTextTrack("captions", named(store.content.language), store.content.language);
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
  let gone = false;
  const rows = film.chapters.map((chapter) =>
    h(
      "li",
      {},
      h(
        "button",
        { type: "button", click: () => play(chapter) },
        h("span", {}, clock(chapter.start)),
        ` ${chapter.title}`,
      ),
      chapter.state &&
        stateLink(store, chapter.state, say("show it here"), {
          name: say("Show here: {1}", chapter.title),
          followed: () => video.pause(),
        }),
    ),
  );
  const list = h("ol", { class: "chapters" }, ...rows);
  const back = h("p", { class: "back", "data-part": "film" });
  store.subscribe((state) => {
    const about = film.chapters.filter((chapter) => {
      const shown = chapter.state && patched(state, chapter.state);
      return shown && shown.layer === state.layer && shown.model === state.model;
    });
    show(back, about.length > 0 && !gone);
    fill(
      back,
      `${say("{1} in the film:", called(state.layer))} `,
      ...about
        .slice(0, MOST_BACK)
        .map((chapter) =>
          h("button", { type: "button", click: () => play(chapter) }, `${clock(chapter.start)} ${chapter.title}`),
        ),
    );
  });
  const element = h("section", { class: "film", "data-part": "film" }, h("h2", {}, say("The film")), video, missing, list);
  return { element, back };
}

/** Cues know a markup of their own. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** What a language calls itself; its code where the browser does not know. */
function named(language: string): string {
  try {
    return new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
  } catch {
    return language; // a code that no standard knows
  }
}

// An article: its text with what was found in it, and where it stands.

import { get, path } from "./api.js";
import { markedHeadline, showText } from "./body.js";
import { Card, entityLink } from "./card.js";
import { announce, h, heading } from "./dom.js";
import { exactly, headline, language, outward, plural, seemly } from "./format.js";
import { when } from "./list.js";
import { legend } from "./legend.js";
import { spansOf } from "./marks.js";
import { panels } from "./panels.js";
import { versionsPanel, versionView } from "./versions.js";

const NOTES = {
  withdrawn: "This article has just been withdrawn by its provider.",
  updated: "A newer version of this article has just been filed.",
};

function facts(article) {
  const url = article.url && outward(article.url);
  const source = h("bdi", {}, seemly(article.provider ?? "source unknown"));
  const seconds = article.reading_time?.seconds;
  return h("div", { class: "facts" },
    h("span", { class: "facts-source" },
      url ? h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, source, " ↗") : source),
    article.published_at
      ? h("span", {}, when(article.published_at, exactly(article.published_at)))
      : h("span", {}, "received ", when(article.drop.received_at, exactly(article.drop.received_at))),
    h("span", {}, language(article.detected_language.code)),
    seconds ? h("span", {}, `${Math.max(1, Math.round(seconds / 60))} min to read, ${plural(article.reading_time.words, "word")}`) : null,
    article.extent === "full" ? null : h("span", { class: "flag" }, `${article.extent} only`),
    article.embargoed_until && new Date(article.embargoed_until) > new Date()
      ? h("span", { class: "flag" }, `embargoed until ${exactly(article.embargoed_until)}`) : null);
}

function byline(article) {
  const authors = article.authors.length ? `By ${article.authors.join(", ")}` : article.byline;
  const line = [authors, article.dateline].filter(Boolean).map(seemly);
  return line.length ? h("p", { class: "byline", dir: "auto" }, line.join(" · ")) : null;
}

function summary(article) {
  return article.summary
    ? h("p", { class: "summary", dir: "auto" }, h("span", { class: "label" }, "In short"), seemly(article.summary.text))
    : null;
}

function standing(view) {
  if (view.state !== "duplicate") return null;
  return h("p", { class: "notice" }, "The same content is held as ",
    h("a", { href: `#/article/${view.duplicate_of}` }, "another article"), ", which searches find instead.");
}

/** Headline, facts, text and legend of one article; `text` is where the marks are. */
export function sheet(article, highlights, signal) {
  const spans = spansOf(article, highlights);
  const text = h("div", { class: "text", lang: article.detected_language.code });
  const title = heading(markedHeadline(article, spans, entityLink) ?? headline(article.headline));
  const frame = h("article", { class: "sheet", lang: article.detected_language.code },
    title, facts(article), byline(article), summary(article), legend(article, () => frame, signal), text);
  showText(text, article, spans, entityLink);
  return { frame, text };
}

function followChanges(context, id, frame) {
  const told = (event) => {
    const note = event.detail.article_id === id && NOTES[event.detail.outcome];
    if (!note) return;
    frame.querySelector(".just-now")?.remove();
    const reload = h("button", { class: "button", type: "button", on: { click: () => dispatchEvent(new HashChangeEvent("hashchange")) } }, "Show it");
    frame.prepend(h("p", { class: "notice just-now" }, note, " ", reload));
    announce(note);
  };
  context.live.addEventListener("filed", told, { signal: context.signal });
}

function hits(view) {
  if (!view.highlights.length) return null;
  let at = -1;
  const go = () => {
    const marks = [...document.querySelectorAll(".sheet mark.hit")];
    if (!marks.length) return;
    marks[at]?.classList.remove("here");
    at = (at + 1) % marks.length;
    marks[at].classList.add("here");
    marks[at].scrollIntoView({ block: "center" });
  };
  return h("button", { class: "button small", type: "button", on: { click: go } },
    `${plural(view.highlights.length, "match", "matches")} in the text: next`);
}

/** The view: `#/article/ID`, with `q` for highlights, `v` for a version, `from` to compare with. */
export async function article(context) {
  const { argument: id, parameters, signal } = context;
  const [number, from] = [parameters.get("v"), parameters.get("from")];
  const base = `/v1/articles/${encodeURIComponent(id)}`;
  if (number) return versionView({ base, id, number: Number(number), from: from && Number(from), signal, sheet });
  const view = await get(path(base, { q: parameters.get("q") }), { signal });
  const { frame } = sheet(view.article, view.highlights, signal);
  frame.querySelector(".facts").append(hits(view) ?? "");
  const side = h("aside", { class: "side two", "aria-label": "About this article" });
  const columns = h("div", { class: "columns reading" }, h("div", { class: "middle" }, standing(view), frame), side);
  side.append(...panels(view));
  new Card(columns, signal);
  followChanges(context, view.id, columns.querySelector(".middle"));
  return {
    title: headline(view.article.headline),
    nodes: [columns],
    ready: () => {
      if (view.versions > 1) versionsPanel(base, id, view.versions, signal).then((panel) => side.querySelector("[data-versions]").replaceWith(panel), () => {});
    },
  };
}

// The text of an article: its parts, in pieces that a browser can lay out.

import { h, replace } from "./dom.js";
import { count } from "./format.js";
import { markedText, unitsOf } from "./marks.js";

const AT_ONCE = 120_000; // characters shown before one asks for more: 20,000 words
const LONGEST = 8_000; // characters of one block; a line without an end becomes several

/** Where the paragraphs of `text` between `from` and `to` are; long ones are cut. */
export function blocksOf(text, from, to) {
  const blocks = [];
  let at = from;
  while (at < to) {
    const gap = text.indexOf("\n\n", at);
    const end = gap < 0 || gap > to ? to : gap;
    for (let start = at; start < end; ) {
      const stop = cut(text, start, end);
      blocks.push({ start, end: stop, goesOn: start > at });
      start = stop;
    }
    at = end + 2;
  }
  return blocks;
}

/** An end for a block that starts at `start`: at a space where there is one, never in a pair. */
function cut(text, start, end) {
  if (end - start <= LONGEST) return end;
  const space = text.lastIndexOf(" ", start + LONGEST);
  if (space > start + LONGEST / 2) return space + 1;
  const unit = text.charCodeAt(start + LONGEST);
  return start + LONGEST + (unit >= 0xdc00 && unit <= 0xdfff ? 1 : 0);
}

function sectionsOf(article) {
  const offsets = article.sections.flatMap((section) => [section.start, section.end]);
  const units = unitsOf(article.text, offsets);
  const sections = article.sections.map(({ role, start, end }) => ({ role, start: units(start), end: units(end) }));
  return sections.length ? sections : [{ role: "body", start: 0, end: article.text.length }];
}

/** Show the text in `place`; the headline's section only where `headline` is asked for. */
export function showText(place, article, spans, link) {
  const blocks = sectionsOf(article)
    .filter((section) => section.role !== "headline")
    .flatMap((section) => blocksOf(article.text, section.start, section.end)
      .map((block) => ({ ...block, role: section.role })));
  let shown = 0;
  const more = h("button", { class: "button more", type: "button", on: { click: () => next() } });
  const next = () => {
    const parts = [];
    for (let size = 0; shown < blocks.length && size < AT_ONCE; shown += 1) {
      size += blocks[shown].end - blocks[shown].start;
      parts.push(paragraph(article.text, blocks[shown], spans, link));
    }
    const rest = blocks.length === shown ? 0 : blocks.at(-1).end - blocks[shown].start;
    more.textContent = `Show more of the text (${count(rest)} characters are left)`;
    more.hidden = rest === 0;
    more.before(...parts);
  };
  replace(place, more);
  next();
}

function paragraph(text, block, spans, link) {
  const kind = block.role === "standfirst" ? "standfirst" : block.goesOn ? "goes-on" : "";
  return h("p", { class: kind || null, dir: "auto" }, markedText(text, block.start, block.end, spans, link));
}

/** The headline with its marks; null where the text has no such section. */
export function markedHeadline(article, spans, link) {
  const section = sectionsOf(article).find((each) => each.role === "headline");
  return section ? markedText(article.text, section.start, section.end, spans, link) : null;
}

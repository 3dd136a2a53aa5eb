// Where the text is marked: entities, quotes, and the words that were searched.
//
// Offsets of the API count code points; strings here count UTF-16 units.  `unitsOf` translates
// all of them in one walk.  Marks may overlap: the text is cut at every boundary into runs, each
// with the entity that holds it (the longest of those that start first), and all that are there.

import { h } from "./dom.js";
import { seemly, typeName } from "./format.js";

const SURROGATE = /[\ud800-\udbff][\udc00-\udfff]/;

/** A function from code points to UTF-16 units of `text`, for the given offsets only. */
export function unitsOf(text, offsets) {
  if (!SURROGATE.test(text)) return (offset) => Math.min(offset, text.length);
  const wanted = [...new Set(offsets)].sort((a, b) => a - b);
  const units = new Map();
  let point = 0;
  let unit = 0;
  for (const offset of wanted) {
    for (; point < offset && unit < text.length; point += 1) {
      unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
    }
    units.set(offset, unit);
  }
  return (offset) => units.get(offset) ?? text.length;
}

/** Everything to be marked, as spans in UTF-16 units: `{start, end, kind, of}`. */
export function spansOf(article, highlights) {
  const found = [
    ...article.entities.flatMap((entity) =>
      entity.mentions.map((mention) => ({ start: mention.start, end: mention.end, kind: "entity", of: entity }))),
    ...article.quotes.map((quote) => ({ start: quote.start, end: quote.end, kind: "quote", of: quote })),
    ...highlights.map((range) => ({ start: range.start, end: range.end, kind: "hit", of: range })),
  ];
  const units = unitsOf(article.text, found.flatMap((span) => [span.start, span.end]));
  return found
    .map((span) => ({ ...span, start: units(span.start), end: units(span.end) }))
    .filter((span) => span.end > span.start)
    .sort((a, b) => a.start - b.start || b.end - a.end);
}

/** Cut `[start, end)` at the boundaries of `spans` (sorted): `{start, end, entities, quote, hit}`. */
export function runsOf(start, end, spans) {
  const near = spans.filter((span) => span.start < end && span.end > start);
  const cuts = new Set([start, end]);
  for (const span of near) {
    cuts.add(Math.max(span.start, start));
    cuts.add(Math.min(span.end, end));
  }
  const at = [...cuts].sort((a, b) => a - b);
  return at.slice(0, -1).map((from, index) => {
    const over = near.filter((span) => span.start < at[index + 1] && span.end > from);
    return {
      start: from,
      end: at[index + 1],
      entities: over.filter((span) => span.kind === "entity"),
      quote: over.find((span) => span.kind === "quote") ?? null,
      hit: over.some((span) => span.kind === "hit"),
    };
  });
}

/** Runs that follow each other and agree on `same`, together. */
function grouped(runs, same) {
  const groups = [];
  for (const run of runs) {
    const last = groups.at(-1);
    if (last && same(last[0]) === same(run)) last.push(run);
    else groups.push([run]);
  }
  return groups;
}

function words(text, run) {
  const part = seemly(text.slice(run.start, run.end));
  return run.hit ? h("mark", { class: "hit" }, part) : part;
}

function mentioned(text, runs, link) {
  const parts = runs.map((run) => words(text, run));
  const span = runs[0].entities[0];
  if (!span) return parts;
  const others = new Set(runs.flatMap((run) => run.entities).map((each) => each.of));
  const last = runs.at(-1).end === span.end;
  const mark = h("a", {
    class: `m t-${span.of.type}`, href: link(span.of), data: { type: span.of.type },
  }, parts);
  if (last) mark.dataset.label = typeName(span.of.type);
  mark.entities = [...others];
  return mark;
}

/** The nodes of `text[start:end]` with its marks; `link` gives an entity's address. */
export function markedText(text, start, end, spans, link) {
  return grouped(runsOf(start, end, spans), (run) => run.quote).map((quoted) => {
    const inside = grouped(quoted, (run) => run.entities[0]).map((runs) => mentioned(text, runs, link));
    return quoted[0].quote ? h("span", { class: "said" }, inside) : inside;
  });
}

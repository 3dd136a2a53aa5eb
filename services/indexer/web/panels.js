// What stands beside an article's text.

import { get } from "./api.js";
import { entityLink } from "./card.js";
import { h } from "./dom.js";
import { count, days, exactly, headline, money, percent, plural, seemly, span, typeName } from "./format.js";
import { to, when } from "./list.js";

const ENTITIES = 14; // shown before one asks for all
const DIRECTIONS = {
  same: "same wording",
  shortened: "this one is a part of it",
  extended: "this one is it and more",
  corrected: "reworded",
};

export function panel(title, ...children) {
  return h("section", { class: "panel" }, h("h2", {}, title), children);
}

/** The first `most` of `items`; the rest behind a disclosure. */
function folded(items, most, words) {
  if (items.length <= most + 2) return h("ol", { class: "plain" }, items);
  return [
    h("ol", { class: "plain" }, items.slice(0, most)),
    h("details", { class: "fold" }, h("summary", {}, `${count(items.length - most)} more ${words}`),
      h("ol", { class: "plain" }, items.slice(most))),
  ];
}

function topicsPanel(article) {
  if (!article.topics.length) return null;
  const how = { model: "by our model", provider: "by the provider", section: "by its section", user: "by this desk" };
  return panel("Topics", h("ol", { class: "plain" }, article.topics.map((topic) =>
    h("li", { class: "topic" },
      h("div", { class: "line" },
        h("a", { href: to("search", { topic: topic.code }) }, seemly(topic.name)),
        h("span", { class: "number" }, percent(topic.score))),
      meter(topic.score),
      h("p", { class: "quiet" }, how[topic.assigned_by],
        topic.evidence.length ? [": ", topic.evidence.slice(0, 6).map((e) => seemly(e.words)).join(", ")] : null)))));
}

function meter(share) {
  const bar = h("span", { class: "meter-bar" });
  bar.style.width = `${Math.round(share * 100)}%`;
  return h("span", { class: "meter", "aria-hidden": "true" }, bar);
}

function entitiesPanel(article) {
  const named = article.entities
    .filter((entity) => entity.type !== "DATE" && entity.type !== "MONEY")
    .sort((a, b) => (b.salience ?? 0) - (a.salience ?? 0));
  if (!named.length) return null;
  const items = named.map((entity) => h("li", { class: "line" },
    h("span", {}, h("a", { href: entityLink(entity) }, h("bdi", {}, seemly(entity.name))), " ",
      h("span", { class: `type t-${entity.type}` }, typeName(entity.type))),
    h("span", { class: "number" }, `${count(entity.count ?? entity.mentions.length)}×`)));
  return panel("Names", folded(items, ENTITIES, "names"));
}

function storyPanel(article) {
  if (!article.story || article.story.articles < 2) return null;
  return panel("Story", h("p", {}, h("a", { href: to(`story/${article.story.id}`) },
    `${plural(article.story.articles, "article")} on this happening`)));
}

function kinPanel(article) {
  if (!article.near_duplicates.length) return null;
  const items = article.near_duplicates.map((near) => {
    const link = h("a", { href: to(`article/${near.article_id}`), dir: "auto" }, seemly(near.provider ?? "another article"));
    get(`/v1/articles/${near.article_id}`).then((view) => {
      link.textContent = headline(view.article.headline);
    }, () => {}); // withdrawn or not filed here: the provider's name stays
    return h("li", {}, link, h("p", { class: "quiet" },
      `${percent(near.share)} shared, ${DIRECTIONS[near.direction]}${near.provider ? `, ${seemly(near.provider)}` : ""}`));
  });
  return panel("Near-duplicates", folded(items, 5, "copies"));
}

function quotesPanel(article) {
  if (!article.quotes.length) return null;
  const names = new Map(article.entities.map((entity) => [entity.key, entity]));
  const items = article.quotes.map((quote) => {
    const speaker = names.get(quote.speaker);
    const name = seemly(speaker?.name ?? quote.speaker_name ?? "somebody");
    return h("li", { class: "quote" },
      h("blockquote", { dir: "auto" }, "“", seemly(quote.text), "”"),
      h("p", { class: "quiet" }, speaker ? h("a", { href: entityLink(speaker) }, name) : name, quote.verb ? `, ${seemly(quote.verb)}` : null));
  });
  return panel("Quotes", folded(items, 4, "quotes"));
}

function valuesPanel(article) {
  const rows = (type, value) => article.entities
    .filter((entity) => entity.type === type && entity[value])
    .map((entity) => [seemly(entity.mentions[0].text), value === "date" ? days(entity.date) : money(entity.money)]);
  const all = [...rows("DATE", "date"), ...rows("MONEY", "money")];
  if (!all.length) return null;
  const items = all.map(([written, means]) =>
    h("li", {}, h("bdi", {}, written), h("p", { class: "quiet" }, means)));
  return panel("Dates and money", folded(items, 8, "values"));
}

function versionsPlace(view) {
  return view.versions > 1 ? h("section", { class: "panel", data: { versions: "" } }, h("h2", {}, "Versions"), h("p", { class: "quiet" }, plural(view.versions, "version"))) : null;
}

function provenancePanel(article) {
  const rows = article.provenance.map((block) => h("tr", { class: block.status === "done" ? null : "off" },
    h("th", { scope: "row" }, block.block),
    h("td", {}, `${block.annotator} ${block.version}`,
      block.model ? h("span", { class: "quiet" }, ` ${block.model} ${block.model_version ?? ""}`) : null,
      block.status === "done" ? null : h("span", { class: "quiet" }, ` ${block.status}: ${block.reason ?? "no reason given"}`)),
    h("td", { class: "number" }, span(block.duration_ms / 1000))));
  return h("details", { class: "panel fold" },
    h("summary", {}, h("h2", {}, "Where this comes from")),
    h("table", { class: "table" }, h("tbody", {}, rows)),
    h("dl", { class: "pairs" }, pairs(article)));
}

function pairs(article) {
  const drop = article.drop;
  const all = [
    ["File", h("bdi", {}, seemly(drop.file), drop.locator ? ` (${seemly(drop.locator)})` : "")],
    ["Read by", `${article.reader.name} ${article.reader.version}, ${article.reader.format}`],
    ["Received", when(drop.received_at, exactly(drop.received_at))],
    ["Enriched", when(article.enriched_at, exactly(article.enriched_at))],
    ["Rights", article.rights?.notice ?? article.rights?.holder],
    ["Keywords", article.keywords.map(seemly).join(", ")],
    ["Credits", article.credits.map(seemly).join("; ")],
    ["Id", h("code", {}, article.article_id)],
    ["Revision", `${article.revision} (by ${article.revision_basis})`],
    ["Warnings", article.reader.warnings.map(seemly).join("; ")],
  ];
  return all.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

/** All panels of an article, in two columns where there is room. */
export function panels(view) {
  const article = view.article;
  const first = [topicsPanel(article), entitiesPanel(article), valuesPanel(article)];
  const second = [storyPanel(article), versionsPlace(view), kinPanel(article), quotesPanel(article), provenancePanel(article)];
  return [first, second].map((column) => h("div", { class: "stack" }, column));
}


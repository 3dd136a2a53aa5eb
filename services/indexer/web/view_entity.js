// An entity: what it is called, how often it is in the news, beside whom, and where.

import { get, path } from "./api.js";
import { h, heading } from "./dom.js";
import { count, outward, plural, seemly, typeName, typeNames } from "./format.js";
import { appendByDay, to } from "./list.js";
import { panel } from "./panels.js";
import { plot } from "./plot.js";

const ARTICLES = 25;
const BESIDE = 40; // asked for: dates and amounts are among them
const SHOWN = 16;

function outside(entity) {
  if (!entity.url || !outward(entity.url)) return null;
  const name = entity.url.includes("geonames") ? "GeoNames" : "Wikidata";
  return h("a", { href: outward(entity.url), rel: "noopener noreferrer", target: "_blank" }, `${name} ↗`);
}

function names(entity) {
  const others = entity.names.filter((each) => each.name !== entity.name);
  if (!others.length && !entity.merged.length) return null;
  return panel("Also called",
    h("ol", { class: "plain" }, others.map((each) => h("li", { class: "line" },
      h("bdi", {}, seemly(each.name)), h("span", { class: "number" }, count(each.articles))))),
    entity.merged.length ? h("p", { class: "quiet" }, "Joined by an operator: ", entity.merged.map((key) => h("code", {}, seemly(key)))) : null);
}

function beside(found) {
  const items = found.items.slice(0, SHOWN);
  if (!items.length) return null;
  const most = items[0].articles;
  return panel("Named beside it",
    h("ol", { class: "plain" }, items.map((other) => {
      const bar = h("span", { class: "meter-bar" });
      bar.style.width = `${Math.round((100 * other.articles) / most)}%`;
      return h("li", { class: "topic" },
        h("div", { class: "line" },
          h("span", {}, h("a", { href: to(`entity/${encodeURIComponent(other.key)}`) }, h("bdi", {}, seemly(other.name))), " ",
            h("span", { class: `type t-${other.type}` }, typeName(other.type))),
          h("span", { class: "number" }, count(other.articles))),
        h("span", { class: "meter", "aria-hidden": "true" }, bar));
    })),
    h("p", { class: "quiet" }, found.complete ? null : `Counted in the newest ${plural(found.counted, "article")}.`));
}

function articlesList(base, page, signal) {
  const list = h("ol", { class: "rows" });
  appendByDay(list, page.items);
  let cursor = page.next;
  const more = h("button", { class: "button more", type: "button", hidden: !cursor, on: { click: async () => {
    const next = await get(path(`${base}/articles`, { cursor, limit: ARTICLES }), { signal });
    cursor = next.next;
    more.hidden = !cursor;
    appendByDay(list, next.items);
  } } }, "Older articles");
  return [list, more];
}

/** The view: `#/entity/KEY`. */
export async function entity({ argument: key, signal }) {
  const base = `/v1/entities/${encodeURIComponent(key)}`;
  const [it, page, found, timeline] = await Promise.all([
    get(base, { signal }),
    get(path(`${base}/articles`, { limit: ARTICLES }), { signal }),
    get(path(`${base}/co-mentions`, { limit: BESIDE }), { signal }),
    get(`${base}/timeline`, { signal }),
  ]);
  const name = seemly(it.name ?? it.key);
  const open = (bar) => {
    location.hash = to("search", { entity: it.key, since: bar.from, until: bar.until });
  };
  const days = timeline.items.map(({ day, articles }) => ({ day, count: articles }));
  return {
    title: name,
    nodes: [h("div", { class: "columns entity" },
      h("div", { class: "middle" },
        heading(h("bdi", {}, name)),
        h("p", { class: "facts" },
          h("span", { class: `type t-${it.type}`, title: typeNames(it.type) }, typeName(it.type)),
          h("span", {}, plural(it.articles, "article")), h("span", {}, plural(it.mentions, "mention")),
          h("code", {}, seemly(it.key)), outside(it),
          h("a", { href: to("search", { entity: it.key }) }, "search within")),
        h("section", { class: "over-time" }, h("h2", { class: "over" }, "Over time"),
          plot(days, { label: `Articles on ${name} over time`, open, signal })),
        articlesList(base, page, signal)),
      h("aside", { class: "side", "aria-label": "About this name" }, beside(found), names(it)))],
  };
}

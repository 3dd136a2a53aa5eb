// Search: words, facets, and what they find.  The address holds all of it.

import { get, path, topics } from "./api.js";
import { announce, h, heading } from "./dom.js";
import { ago, count, day, language, plural, seemly } from "./format.js";
import { appendByDay, empty, row, to } from "./list.js";
import { plot } from "./plot.js";

const PAGE = 25;
const VALUES = 60;
const SHOWN = 8;
const FILTERS = ["topic", "entity", "source", "language", "since", "until", "story", "copy_of"];
const NEXT_DAY = 86_400_000;

/** What the address asks for, as the API's parameters. */
function wanted(parameters) {
  const query = {};
  for (const name of ["q", ...FILTERS, "order"]) {
    const value = parameters.get(name);
    if (value) query[name] = value;
  }
  return query;
}

const isDay = (value) => /^\d{4}-\d\d-\d\d$/.test(value ?? "");

/** Days of the address as times of the API; days are those of UTC, as the facet counts them. */
function asked(query) {
  const at = (value) => (isDay(value) ? `${value}T00:00:00Z` : value);
  return { ...query, since: at(query.since), until: at(query.until) };
}

async function nameOf(name, value, signal) {
  if (name === "topic") return (await topics()).byCode.get(value)?.name ?? value;
  if (name === "language") return language(value);
  if (name === "since") return `from ${isDay(value) ? day(value) : value}`;
  if (name === "until") return `before ${isDay(value) ? day(value) : value}`;
  if (name === "story") return "one story";
  if (name === "copy_of") return "copies of one article";
  if (name !== "entity") return value;
  const known = await get(`/v1/entities/${encodeURIComponent(value)}`, { signal }).catch(() => null);
  return known?.name ?? value;
}

async function chips(query, signal) {
  const set = FILTERS.filter((name) => query[name]);
  const called = await Promise.all(set.map((name) => nameOf(name, query[name], signal).catch(() => query[name])));
  return set.map((name, at) => h("a", {
    class: "chip remove", href: to("search", { ...query, [name]: "" }), "aria-label": `Remove: ${called[at]}`,
  }, h("span", { class: "chip-kind" }, name.replace("_", " ")), h("bdi", {}, seemly(called[at])), h("span", { "aria-hidden": "true" }, "×")));
}

function value(query, name, each, { indent = 0, words = each.name } = {}) {
  const on = query[name] === each.key;
  const link = h("a", {
    href: to("search", { ...query, [name]: on ? "" : each.key }), "aria-current": on ? "true" : null,
  }, h("bdi", {}, seemly(words)));
  return h("li", { class: "facet-value", data: { indent } }, link, h("span", { class: "number" }, count(each.count)));
}

function facet(title, items) {
  if (!items.length) return null;
  const rest = items.slice(SHOWN);
  return h("section", { class: "facet" }, h("h2", {}, title),
    h("ul", {}, items.slice(0, SHOWN)),
    rest.length ? h("details", { class: "fold" }, h("summary", {}, `${count(rest.length)} more`), h("ul", {}, rest)) : null);
}

/** Topics as a path down the tree: what is above the chosen one, it, and what is right below. */
function topicFacet(query, values, tree) {
  const counts = new Map(values.map((each) => [each.key, each]));
  const chosen = tree.byCode.get(query.topic);
  const up = [];
  for (let at = chosen; at; at = tree.byCode.get(at.parent)) up.unshift(at);
  const path = up.map((node, indent) => h("li", { class: "facet-value path", data: { indent: Math.min(indent, 4) } },
    h("a", { href: to("search", { ...query, topic: node.code }), "aria-current": node.code === query.topic ? "true" : null }, seemly(node.name)),
    counts.has(node.code) ? h("span", { class: "number" }, count(counts.get(node.code).count)) : null));
  const below = values.filter((each) => each.key !== query.topic && under(tree, each.key, query.topic));
  const shown = chosen || below.length === 0 ? below : tops(tree, below);
  const items = shown.map((each) => value(query, "topic", each, { indent: Math.min(up.length, 4) }));
  const all = chosen ? [h("li", { class: "facet-value path" }, h("a", { href: to("search", { ...query, topic: "" }) }, "all topics")), ...path, ...items] : items;
  return facet("Topics", all);
}

/** Whether `code` is below `top`; every code is below no top. */
function under(tree, code, top) {
  if (!top) return true;
  for (let at = tree.byCode.get(code)?.parent; at; at = tree.byCode.get(at)?.parent) if (at === top) return true;
  return false;
}

/** Of `values`, those with none of their ancestors among them. */
function tops(tree, values) {
  const codes = new Set(values.map((each) => each.key));
  return values.filter((each) => {
    for (let at = tree.byCode.get(each.key)?.parent; at; at = tree.byCode.get(at)?.parent) if (codes.has(at)) return false;
    return true;
  });
}

function range(query) {
  const field = (name, words, shown) => h("label", {}, h("span", {}, words), h("input", {
    type: "date", name, value: shown, on: { change: (event) => {
      const chosen = event.target.value;
      const stands = name === "until" && chosen ? new Date(Date.parse(chosen) + NEXT_DAY).toISOString().slice(0, 10) : chosen;
      location.hash = to("search", { ...query, [name]: stands });
    } } }));
  const last = isDay(query.until) ? new Date(Date.parse(query.until) - NEXT_DAY).toISOString().slice(0, 10) : "";
  return h("div", { class: "range" }, field("since", "From", isDay(query.since) ? query.since : ""), field("until", "To", last));
}

function dayFacet(query, values, signal) {
  const open = (bar) => {
    location.hash = to("search", { ...query, since: bar.from, until: bar.until });
  };
  return h("section", { class: "facet days" }, h("h2", {}, "When"),
    plot(values.map((each) => ({ day: each.key, count: each.count })), { label: "Articles found over time", open, signal, height: 104, beside: range(query) }));
}

async function facets(query, signal) {
  const which = ["topic", "entity", "source", "language", "day"];
  const [answer, tree] = await Promise.all([
    get(path("/v1/facets", { ...asked(query), order: "", facet: which, limit: VALUES }), { signal }),
    topics(),
  ]);
  const of = (name) => answer.facets[name] ?? [];
  const plain = (title, name, words = (each) => each.name) =>
    facet(title, of(name).map((each) => value(query, name, each, { words: words(each) })));
  return {
    answer,
    days: dayFacet(query, of("day"), signal),
    rest: [[
      topicFacet(query, of("topic"), tree),
      plain("Sources", "source"),
      plain("Languages", "language", (each) => language(each.key)),
    ], [plain("Names", "entity")]],
  };
}

function help() {
  const examples = [
    ['"central bank"', "these words, one after the other"], ["ferr*", "words that begin so"],
    ["port OR harbour", "either"], ["strike NOT baseball", "without a word; also -baseball"],
    ["(port OR harbour) strike", "together"],
  ];
  return h("details", { class: "fold syntax" }, h("summary", {}, "How to search"),
    h("dl", {}, examples.map(([words, means]) => h("div", {},
      h("dt", {}, h("a", { href: to("search", { q: words }) }, h("code", {}, words))), h("dd", {}, means)))),
    h("p", { class: "quiet" }, "All words are required. Case and accents don't count."));
}

function orders(query) {
  if (!query.q) return null;
  const order = query.order ?? "relevance";
  return h("p", { class: "orders", role: "group", "aria-label": "Order" }, ["relevance", "newest"].map((each) =>
    h("a", { href: to("search", { ...query, order: each === "relevance" ? "" : each }), "aria-current": each === order ? "true" : null },
      each === "relevance" ? "best match" : "newest")));
}

function results(query, page, signal) {
  const byDay = !query.q || query.order === "newest";
  const list = h("ol", { class: "rows", id: "results", "aria-label": "Articles found" });
  const put = (items) => {
    if (byDay) appendByDay(list, items, { q: query.q });
    else list.append(...items.map((item) => row(item, { q: query.q, time: ago(item.listed_at) })));
  };
  put(page.items);
  let cursor = page.next;
  let limit = PAGE;
  const ranked = !byDay; // pages by relevance have no cursor: more is asked for at once
  const more = h("button", { class: "button more", type: "button", on: { click: async () => {
    more.disabled = true;
    const before = list.querySelectorAll(".row").length;
    try {
      limit += ranked ? PAGE * 2 : 0;
      const next = await get(path("/v1/articles", { ...asked(query), limit, cursor }), { signal });
      put(ranked ? next.items.slice(before) : next.items);
      cursor = next.next;
      more.hidden = ranked ? next.items.length < limit : !cursor;
      list.querySelectorAll(".row-link")[before]?.focus();
    } catch (error) {
      if (error.name !== "AbortError") announce(error.message);
    } finally {
      more.disabled = false;
    }
  } } }, "More");
  more.hidden = ranked ? page.items.length < PAGE : !cursor;
  return [list, more];
}

function nothing(query) {
  const filtered = FILTERS.some((name) => query[name]);
  return empty("Nothing was found.",
    filtered ? ["Remove a filter, or ", h("a", { href: to("search", { q: query.q }) }, "search everything"), "."] : "Try fewer words, or the beginning of one: harb*.");
}

/** The view: `#/search?q=…`. */
export async function search({ parameters, signal }) {
  const query = wanted(parameters);
  const [page, set] = await Promise.all([
    get(path("/v1/articles", { ...asked(query), limit: PAGE }), { signal }), chips(query, signal)]);
  const total = h("span", { class: "total" }, "");
  const left = h("aside", { class: "facets", "aria-label": "Narrow the search" });
  const right = h("aside", { class: "facets", "aria-label": "Names in what was found" });
  const top = h("div", { class: "when" });
  const title = query.q ? seemly(query.q) : "Search";
  return {
    title: query.q ? `${title} – Search` : "Search",
    keep: true,
    nodes: [h("div", { class: "columns search" },
      left,
      h("div", { class: "middle" },
        heading(query.q ? h("span", {}, h("span", { class: "quiet" }, "Search for "), h("bdi", {}, title)) : "Search"),
        set.length ? h("p", { class: "chips", "aria-label": "Filters" }, set) : null,
        h("div", { class: "found" }, total, help(), orders(query)),
        top,
        page.items.length ? results(query, page, signal) : nothing(query)),
      right)],
    ready: () => {
      facets(query, signal).then(({ answer, days, rest }) => {
        total.textContent = `${answer.complete ? "" : "more than "}${plural(answer.counted, "article")}`;
        announce(`${total.textContent} found`);
        top.append(answer.counted ? days : "");
        const [first, second] = rest.map((parts) => parts.filter(Boolean));
        left.append(...folded(first, "Narrow the search"));
        right.append(...folded(second, "Names"));
      }, (error) => {
        if (error.name !== "AbortError") left.append(h("p", { class: "quiet" }, error.message));
      });
    },
  };
}

/** On a narrow screen the facets are behind a disclosure; on a wide one it is open. */
function folded(parts, words) {
  if (!parts.length) return [];
  const wide = matchMedia("(min-width: 62.01rem)").matches;
  return [h("details", { class: "facet-fold", open: wide }, h("summary", {}, words), parts)];
}

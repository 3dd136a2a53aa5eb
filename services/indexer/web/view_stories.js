// Stories: articles of all sources on one happening.

import { get, path } from "./api.js";
import { h, heading } from "./dom.js";
import { ago, headline, plural, span, timeOfDay } from "./format.js";
import { empty, row, to, when } from "./list.js";

const STORIES = 60;
const ARTICLES = 200;

function lasted(story) {
  return (Date.parse(story.last_at) - Date.parse(story.first_at)) / 1000;
}

function line(story) {
  const over = lasted(story);
  return h("li", { class: "row", data: { id: story.id } },
    h("div", { class: "row-time" }, when(story.last_at, ago(story.last_at))),
    h("article", { class: "row-body" },
      h("h3", { class: "row-headline", dir: "auto" },
        h("a", { class: "row-link", href: to(`story/${story.id}`) }, headline(story.headline))),
      h("p", { class: "row-details" },
        h("span", { class: "row-count" }, plural(story.articles, "article")),
        story.sources ? h("span", {}, plural(story.sources, "source")) : null,
        over > 60 ? h("span", {}, `over ${span(over)}`) : null)));
}

/** The view: `#/stories`. */
export async function stories({ signal }) {
  const { items } = await get(path("/v1/stories", { limit: STORIES }), { signal });
  return {
    title: "Stories",
    nodes: [h("div", { class: "columns single" }, h("div", { class: "middle" },
      heading("Stories"),
      h("p", { class: "lead" }, "Articles of all sources on one happening, those that moved last on top."),
      items.length
        ? h("ol", { class: "rows" }, items.map(line))
        : empty("No stories yet.", "A story begins when a second article tells of the same happening.")))],
  };
}

/** The view: `#/story/ID`; its articles as they came, the first on top. */
export async function story({ argument: id, signal }) {
  const base = `/v1/stories/${encodeURIComponent(id)}`;
  const [it, page] = await Promise.all([
    get(base, { signal }), get(path(`${base}/articles`, { limit: ARTICLES }), { signal })]);
  const items = [...page.items].sort((a, b) => Date.parse(a.listed_at) - Date.parse(b.listed_at));
  const start = Date.parse(items[0]?.listed_at ?? it.first_at);
  const rows = items.map((item) => {
    const later = (Date.parse(item.listed_at) - start) / 1000;
    const note = h("span", { class: "row-note" }, later < 60 ? "first" : `+ ${span(later)}`);
    return row(item, { time: timeOfDay(item.listed_at), note });
  });
  return {
    title: headline(it.headline),
    nodes: [h("div", { class: "columns single" }, h("div", { class: "middle" },
      h("p", { class: "kicker" }, h("a", { href: "#/stories" }, "Stories")),
      heading(headline(it.headline)),
      h("p", { class: "facts" }, h("span", {}, plural(it.articles, "article")), it.sources ? h("span", {}, plural(it.sources, "source")) : null,
        h("span", {}, "first ", when(it.first_at)), h("span", {}, "last ", when(it.last_at)),
        page.next ? h("a", { href: to("search", { story: id }) }, "all of them") : null),
      h("ol", { class: "rows thread" }, rows)))],
  };
}

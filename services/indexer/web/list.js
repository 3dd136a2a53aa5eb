// Articles as a list shows them: a line of the wire each.

import { isStory, path } from "./api.js";
import { h } from "./dom.js";
import { ago, exactly, headline, language, localDay, dayName, seemly, timeOfDay } from "./format.js";

/** The address of a view with its parameters. */
export function to(view, parameters = {}) {
  return path(`#/${view}`, parameters);
}

/** `text` (code points counted by `ranges`) with the ranges marked. */
export function marked(text, ranges) {
  if (!ranges?.length) return [seemly(text)];
  const points = Array.from(text);
  const part = (start, end) => seemly(points.slice(start, end).join(""));
  const pieces = [];
  let at = 0;
  for (const { start, end } of ranges) {
    if (start < at) continue;
    pieces.push(part(at, start), h("mark", { class: "hit" }, part(start, end)));
    at = end;
  }
  return [...pieces, part(at)];
}

/** A time that tells exactly when on hovering. */
export function when(time, words = ago(time)) {
  return h("time", { datetime: time, title: exactly(time) }, words);
}

function topicChips(topics) {
  return topics.slice(0, 2).map((topic) =>
    h("a", { class: "slug", href: to("search", { topic: topic.code }) }, seemly(topic.name)));
}

/** Leads to the story, once it is known that there is more in it. */
function storyLink(id) {
  const link = h("a", { href: to(`story/${id}`), hidden: true }, "in a story");
  isStory(id).then((more) => {
    link.hidden = !more;
  }, () => {}); // without the list of stories there is no link
  return link;
}

function details(item) {
  const other = item.language && item.language !== "en" ? language(item.language) : null;
  return h("p", { class: "row-details" },
    item.source
      ? h("a", { class: "row-source", href: to("search", { source: item.source }) }, h("bdi", {}, seemly(item.source)))
      : null,
    other ? h("span", {}, other) : null,
    item.copy_of ? h("a", { href: to(`article/${item.copy_of}`) }, "copy of another") : null,
    item.story ? storyLink(item.story) : null,
    topicChips(item.topics ?? []));
}

/** One article; `q`: the words whose matches the article's page shall show. */
export function row(item, { q = null, time = timeOfDay(item.listed_at), note = null } = {}) {
  return h("li", { class: "row", data: { id: item.id } },
    h("div", { class: "row-time" }, when(item.listed_at, time), note),
    h("article", { class: "row-body" },
      h("h3", { class: "row-headline", dir: "auto" },
        h("a", { class: "row-link", href: to(`article/${item.id}`, { q }) }, headline(item.headline))),
      item.excerpt ? h("p", { class: "row-excerpt", dir: "auto" }, marked(item.excerpt, item.matches)) : null,
      details(item)));
}

/** The heading over the articles of one day. */
export function dayRow(time) {
  return h("li", { class: "day", data: { day: localDay(time) } }, h("h2", {}, dayName(time)));
}

/** Put rows behind those that are there, a heading before each new day. */
export function appendByDay(list, items, options = {}) {
  let last = [...list.children].reverse().find((child) => child.dataset.listed)?.dataset.listed;
  for (const item of items) {
    const day = localDay(item.listed_at);
    if (day !== last) list.append(dayRow(item.listed_at));
    const element = row(item, options);
    element.dataset.listed = day;
    list.append(element);
    last = day;
  }
}

/** What stands where there is nothing. */
export function empty(title, ...advice) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, ...advice));
}

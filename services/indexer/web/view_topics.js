// The tree of topics, each branch to be opened.

import { forgetTopics, topics } from "./api.js";
import { h, heading } from "./dom.js";
import { count, seemly } from "./format.js";
import { empty, to } from "./list.js";

function branch(node) {
  const link = h("a", { class: "row-link", href: to("search", { topic: node.code }) }, seemly(node.name));
  const number = h("span", { class: "number" }, node.articles ? count(node.articles) : "");
  const line = h("span", { class: "line" }, link, number);
  const children = node.children.filter((child) => child.articles > 0);
  if (!children.length) return h("li", { class: "leaf row" }, line);
  const list = h("ul", { class: "branch" });
  const details = h("details", {}, h("summary", { "aria-label": `${children.length} narrower than ${node.name}` }, `${children.length} narrower`), list);
  details.addEventListener("toggle", () => {
    if (details.open && !list.children.length) list.append(...children.map(branch));
  });
  return h("li", { class: "row" }, line, details);
}

/** The view: `#/topics`. */
export async function topicsView() {
  forgetTopics();
  const tree = await topics();
  const used = tree.roots.filter((node) => node.articles > 0);
  const rest = tree.roots.filter((node) => node.articles === 0);
  return {
    title: "Topics",
    nodes: [h("div", { class: "columns single wide" }, h("div", { class: "middle" },
      heading("Topics"),
      h("p", { class: "lead" }, "What the articles are about, by the IPTC Media Topics. A topic counts the articles of those below it."),
      used.length ? h("ul", { class: "tree" }, used.map(branch)) : empty("No article has a topic yet."),
      rest.length ? h("p", { class: "quiet" }, "Nothing yet on ", rest.map((node) => node.name).join(", "), ".") : null))],
  };
}

// The versions of an article: their list, an older one, and what changed between two.

import { get } from "./api.js";
import { h, heading } from "./dom.js";
import { paragraphs } from "./diff.js";
import { exactly, headline, seemly } from "./format.js";
import { to, when } from "./list.js";

const CONTEXT = 1; // unchanged paragraphs shown beside changed ones

function line(id, version, last) {
  const open = version.number === last ? to(`article/${id}`) : to(`article/${id}`, { v: version.number });
  const name = `Version ${version.number}${version.number === last ? ", current" : ""}`;
  return h("li", { class: "version" },
    h("div", { class: "line" },
      version.withdrawn ? h("span", {}, `${name}: withdrawn`) : h("a", { href: open }, name),
      version.number > 1 ? h("a", { href: to(`article/${id}`, { v: version.number, from: version.number - 1 }) }, "changes") : null),
    h("p", { class: "quiet" }, when(version.filed_at, exactly(version.filed_at))));
}

/** The panel that lists them, newest first. */
export async function versionsPanel(base, id, _count, signal) {
  const { items } = await get(`${base}/versions`, { signal });
  const last = items.at(-1)?.number;
  return h("section", { class: "panel" }, h("h2", {}, "Versions"),
    h("ol", { class: "plain" }, [...items].reverse().map((version) => line(id, version, last))));
}

function piece([sign, text]) {
  if (sign === "=") return seemly(text);
  return h(sign === "+" ? "ins" : "del", {}, seemly(text));
}

/** The two texts as one, with what went and what came. */
export function changes(before, after) {
  const all = paragraphs(before, after);
  const near = (at) => all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== "=");
  const nodes = [];
  let skipped = 0;
  const gap = () => {
    if (skipped) nodes.push(h("p", { class: "gap" }, `${skipped} unchanged paragraph${skipped === 1 ? "" : "s"}`));
    skipped = 0;
  };
  all.forEach(({ pieces }, at) => {
    if (!near(at)) {
      skipped += 1;
      return;
    }
    gap();
    nodes.push(h("p", { dir: "auto" }, pieces.map(piece)));
  });
  gap();
  return nodes;
}

async function compared({ base, id, number, from, signal }) {
  const [before, after] = await Promise.all(
    [from, number].map((which) => get(`${base}/versions/${which}`, { signal })));
  const same = before.text === after.text;
  return {
    title: `Changes of ${headline(after.headline)}`,
    nodes: [h("div", { class: "columns reading" }, h("div", { class: "middle" }, h("article", { class: "sheet" },
      heading(headline(after.headline)),
      h("p", { class: "facts" }, h("span", {}, `What changed from version ${from} to version ${number}`),
        h("a", { href: to(`article/${id}`) }, "The article as it is now")),
      same ? h("p", { class: "notice" }, "The text is the same.") : null,
      h("div", { class: "text changes" }, changes(before.text, after.text)))))],
  };
}

/** An older version by itself, or what changed since another one. */
export async function versionView(wanted) {
  if (wanted.from) return compared(wanted);
  const { base, id, number, signal, sheet } = wanted;
  const article = await get(`${base}/versions/${number}`, { signal });
  const { frame } = sheet(article, [], signal);
  frame.prepend(h("p", { class: "notice" }, `This is version ${number}. `,
    h("a", { href: to(`article/${id}`) }, "Read the current one"), "."));
  return {
    title: `${headline(article.headline)}, version ${number}`,
    nodes: [h("div", { class: "columns reading" }, h("div", { class: "middle" }, frame))],
  };
}

// The legend over the text: which kinds of names are marked, each to be turned off.

import { h } from "./dom.js";
import { TYPES, typeName, typeNames } from "./format.js";

const KEPT = "wiredesk.marks.off";

function kept() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEPT) ?? "[]"));
  } catch {
    return new Set();
  }
}

function keep(off) {
  try {
    localStorage.setItem(KEPT, JSON.stringify([...off]));
  } catch {
    // Storage is off: it holds for this article.
  }
}

/** Put the marks of the types in `off` out, without a trace for mouse and keyboard. */
export function applyMarks(frame, off) {
  const reached = new Set();
  for (const mark of frame.querySelectorAll(".m")) {
    const out = off.has(mark.dataset.type);
    if (out) mark.dataset.off = "";
    else delete mark.dataset.off;
    // Tab stops at the first mention of each; the others lead to the same place.
    mark.tabIndex = out || reached.has(mark.hash) ? -1 : 0;
    if (!out) reached.add(mark.hash);
  }
}

/** Buttons for the types that `article` has; `frame()` is what the marks are in. */
export function legend(article, frame, signal) {
  const there = Object.keys(TYPES).filter((type) => article.entities.some((entity) => entity.type === type));
  if (!there.length) return null;
  const off = kept();
  const buttons = there.map((type) => h("button", {
    type: "button", class: `chip type t-${type}`, title: typeNames(type), data: { type },
    on: { click: () => turn([type]) },
  }, typeName(type)));
  const all = h("button", { type: "button", class: "chip all", on: { click: () => turnAll() } }, "all marks");
  const show = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(!off.has(button.dataset.type)));
    all.setAttribute("aria-pressed", String(there.every((type) => !off.has(type))));
    applyMarks(frame(), off);
    keep(off);
  };
  const turn = (types) => {
    for (const type of types) if (!off.delete(type)) off.add(type);
    show();
  };
  const turnAll = () => {
    const some = there.some((type) => !off.has(type));
    for (const type of there) some ? off.add(type) : off.delete(type);
    show();
  };
  document.addEventListener("wiredesk:marks", turnAll, { signal });
  document.addEventListener("wiredesk:text", show, { signal });
  queueMicrotask(show);
  return h("div", { class: "legend", role: "group", "aria-label": "Marks in the text" }, buttons, all);
}

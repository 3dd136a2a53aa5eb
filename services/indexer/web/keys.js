// The keyboard: one key each for what is done a hundred times a day.

import { h } from "./dom.js";

const KEYS = [
  ["/", "search"],
  ["j  k", "next, previous in a list"],
  ["Enter", "open"],
  ["Esc", "close; leave the search box"],
  ["u", "back to the list"],
  ["m", "entity marks on or off"],
  ["t", "dark or light"],
  ["?", "these keys"],
];

let keysDialog = null;

/** Show what the keys do. */
export function showKeys() {
  if (keysDialog?.open) return;
  keysDialog = h("dialog", { class: "dialog", "aria-labelledby": "keys-title" },
    h("form", { method: "dialog", class: "dialog-body" },
      h("h2", { id: "keys-title" }, "Keys"),
      h("dl", { class: "keys" }, KEYS.map(([key, words]) =>
        h("div", {}, h("dt", {}, key.split(/\s+/).map((one) => h("kbd", {}, one))), h("dd", {}, words)))),
      h("div", { class: "dialog-row" }, h("button", { class: "button primary" }, "Close"))));
  keysDialog.addEventListener("close", (event) => event.currentTarget.remove());
  document.body.append(keysDialog);
  keysDialog.showModal();
}

/** Everything in lists that can be stepped through, in order. */
function stops() {
  return [...document.querySelectorAll("#main .row-link")];
}

function step(by) {
  const all = stops();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest(".row")?.querySelector(".row-link"));
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next].focus({ preventScroll: true });
  all[next].closest(".row").scrollIntoView({ block: "nearest" });
}

const typing = (element) =>
  element instanceof HTMLElement && (element.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(element.tagName));

/** Listen for the keys; not while something is typed, nor with Ctrl, Alt or Meta held. */
export function listenToKeys({ box, switchTheme }) {
  const actions = {
    "/": () => box.focus(),
    j: () => step(1),
    k: () => step(-1),
    u: () => history.back(),
    t: switchTheme,
    m: () => document.dispatchEvent(new CustomEvent("wiredesk:marks")),
    "?": showKeys,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

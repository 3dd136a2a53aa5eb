// The dialog that asks for a token.  One at a time, whatever asked for it.

import { h } from "./dom.js";

let asking = null;

/** The token that the visitor gives; resolves when there is one. */
export function askToken(reason) {
  asking ??= ask(reason).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(reason) {
  const input = h("input", {
    type: "password", id: "token", name: "token", required: true,
    autocomplete: "off", spellcheck: "false",
  });
  const form = h(
    "form",
    { method: "dialog", class: "dialog-body" },
    h("h2", { id: "token-title" }, "This desk asks for a token"),
    reason ? h("p", { class: "quiet", role: "alert" }, reason) : null,
    h("p", {}, "Whoever runs the desk makes one with ", h("code", {}, "wiredesk tokens add NAME"),
      ". It is kept in this tab only and is gone when you close it."),
    h("label", { for: "token" }, "Token"),
    input,
    h("div", { class: "dialog-row" }, h("button", { class: "button primary" }, "Continue")),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "token-title" }, form);
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close();
      dialog.remove();
      resolve(input.value.trim());
    });
  });
}

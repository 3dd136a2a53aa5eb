// The search box of the masthead: words go to the search, and entities are offered while typing.

import { get, path } from "./api.js";
import { debounce, h, replace } from "./dom.js";
import { count, seemly, typeName } from "./format.js";
import { to } from "./list.js";

const OFFERED = 7;
const TYPING = 140; // ms of rest before entities are looked up
const LEAST = 2; // letters before it is worth it

/** The form; `show` puts words in, `focus` goes there. */
export class Box {
  #form;
  #input;
  #list;
  #abort = null;
  #chosen = -1;

  constructor(form) {
    this.#form = form;
    this.#input = form.querySelector("input");
    this.#list = form.querySelector("ul");
    const look = debounce(() => this.#suggest(), TYPING);
    this.#input.addEventListener("input", look);
    this.#input.addEventListener("keydown", (event) => this.#key(event));
    this.#input.addEventListener("blur", () => this.#close());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
  }

  focus() {
    this.#input.focus();
    this.#input.select();
  }

  /** Show the words of the view that is open, unless somebody is typing other ones. */
  show(words) {
    if (document.activeElement !== this.#input) this.#input.value = words;
  }

  #parameters(changes) {
    const inSearch = location.hash.startsWith("#/search");
    const old = inSearch ? new URLSearchParams(location.hash.split("?")[1] ?? "") : new URLSearchParams();
    return { ...Object.fromEntries(old), ...changes };
  }

  #search() {
    this.#close();
    const words = this.#input.value.trim();
    const goal = to("search", this.#parameters({ q: words, order: "" }));
    this.#input.blur();
    if (location.hash === goal) dispatchEvent(new HashChangeEvent("hashchange"));
    else location.hash = goal;
  }

  #close() {
    this.#abort?.abort();
    this.#list.hidden = true;
    this.#chosen = -1;
    this.#input.setAttribute("aria-expanded", "false");
    this.#input.removeAttribute("aria-activedescendant");
  }

  async #suggest() {
    this.#abort?.abort();
    const prefix = this.#input.value.trim();
    if (prefix.length < LEAST || document.activeElement !== this.#input) return this.#close();
    this.#abort = new AbortController();
    try {
      const found = await get(path("/v1/entities", { prefix, limit: OFFERED }), { signal: this.#abort.signal });
      this.#offer(found.items);
    } catch (error) {
      if (error.name !== "AbortError") this.#close(); // the search itself will say what is wrong
    }
    return undefined;
  }

  #offer(items) {
    if (!items.length) return this.#close();
    replace(this.#list, items.map((item, at) => this.#option(item, at)));
    this.#chosen = -1;
    this.#list.hidden = false;
    this.#input.setAttribute("aria-expanded", "true");
    return undefined;
  }

  #option(item, at) {
    return h("li", {
      id: `suggestion-${at}`, role: "option", "aria-selected": "false", data: { key: item.key },
      on: {
        mousedown: (event) => {
          event.preventDefault();
          this.#take(item.key);
        },
      },
    },
    h("bdi", { class: "suggestion-name" }, seemly(item.name ?? item.key)),
    h("span", { class: `type t-${item.type}` }, typeName(item.type)),
    h("span", { class: "number" }, count(item.articles)));
  }

  #take(key) {
    this.#close();
    this.#input.value = "";
    this.#input.blur();
    location.hash = to("search", this.#parameters({ entity: key, q: "" }));
  }

  #key(event) {
    const options = [...this.#list.children];
    if (event.key === "Escape") {
      if (this.#list.hidden) this.#input.blur();
      this.#close();
    } else if (event.key === "Enter" && this.#chosen >= 0) {
      event.preventDefault();
      this.#take(options[this.#chosen].dataset.key);
    } else if (!this.#list.hidden && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.#chosen = Math.min(Math.max(this.#chosen + by, -1), options.length - 1);
      this.#mark(options);
    }
  }

  #mark(options) {
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.#chosen)));
    if (this.#chosen < 0) this.#input.removeAttribute("aria-activedescendant");
    else this.#input.setAttribute("aria-activedescendant", options[this.#chosen].id);
  }
}

// The card beside a mark: who is meant, and where to read on.

import { h, replace } from "./dom.js";
import { days, money, outward, percent, plural, seemly, typeName } from "./format.js";
import { to } from "./list.js";

const LINGER = 220; // ms to get from the mark to the card with the mouse
const GAP = 6; // px between the two

/** The address of an entity's own page. */
export const entityLink = (entity) => to(`entity/${encodeURIComponent(entity.key)}`);

/** Links to Wikidata and GeoNames, where the entity is known there. */
export function outwardLinks(entity) {
  const links = [];
  if (entity.wikidata) links.push(["Wikidata", `https://www.wikidata.org/wiki/${entity.wikidata}`]);
  if (entity.geonames) links.push(["GeoNames", `https://www.geonames.org/${entity.geonames}`]);
  return links.map(([name, url]) =>
    h("a", { href: outward(url), rel: "noopener noreferrer", target: "_blank" }, `${name} ↗`));
}

function valueOf(entity) {
  if (entity.date) return days(entity.date);
  if (entity.money) return money(entity.money);
  return null;
}

function about(entity) {
  const times = entity.count ?? entity.mentions.length;
  const value = valueOf(entity);
  const sure = entity.link_confidence ? `, ${percent(entity.link_confidence)} sure` : "";
  return h("div", { class: "card-part" },
    h("p", { class: "card-name" }, h("bdi", {}, seemly(entity.name)),
      h("span", { class: `type t-${entity.type}` }, typeName(entity.type))),
    value ? h("p", { class: "card-value" }, value) : null,
    h("p", { class: "quiet" }, `${plural(times, "mention")} here${sure}`),
    entity.relations.map((relation) =>
      h("p", { class: "quiet" }, `${relation.kind.replaceAll("_", " ")} `, h("bdi", {}, seemly(relation.name)))),
    h("p", { class: "card-links" }, outwardLinks(entity), h("a", { href: entityLink(entity) }, "All articles")));
}

/** One card for all marks inside `place`. */
export class Card {
  #place;
  #card = h("div", { class: "card", id: "card", role: "tooltip", hidden: true });
  #mark = null;
  #timer = 0;

  constructor(place, signal) {
    this.#place = place;
    place.append(this.#card);
    const mark = (event) => event.target.closest?.(".m");
    const listen = (target, type, run) => target.addEventListener(type, run, { signal });
    listen(place, "pointerover", (event) => (mark(event) || this.#card.contains(event.target)) && this.#over(mark(event)));
    listen(place, "pointerout", () => this.#later());
    listen(place, "focusin", (event) => mark(event) && this.#over(mark(event)));
    listen(place, "focusout", () => this.#later());
    listen(place, "click", (event) => this.#tapped(event, mark(event)));
    listen(document, "keydown", (event) => event.key === "Escape" && this.hide());
  }

  #over(mark) {
    clearTimeout(this.#timer);
    if (mark && mark !== this.#mark && mark.dataset.off === undefined) this.#show(mark);
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.hide(), LINGER);
  }

  /** A finger can't hover: the first tap shows the card, the second one opens. */
  #tapped(event, mark) {
    if (!mark || event.pointerType !== "touch" || this.#tapping === mark) return;
    event.preventDefault();
    this.#tapping = mark;
    this.#over(mark);
  }

  #tapping = null;

  #show(mark) {
    this.hide();
    this.#mark = mark;
    replace(this.#card, mark.entities.map(about));
    this.#card.hidden = false;
    mark.setAttribute("aria-describedby", "card");
    this.#put(mark.getClientRects()[0]);
  }

  #put(at) {
    const frame = this.#place.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.#card;
    const room = document.documentElement.clientWidth - width - 8;
    const left = Math.max(8, Math.min(at.left, room)) - frame.left;
    const below = at.bottom + GAP + height < innerHeight || at.top < height + GAP;
    const top = below ? at.bottom + GAP - frame.top : at.top - GAP - height - frame.top;
    this.#card.style.left = `${left}px`;
    this.#card.style.top = `${top}px`;
  }

  hide() {
    clearTimeout(this.#timer);
    this.#mark?.removeAttribute("aria-describedby");
    this.#mark = null;
    this.#card.hidden = true;
  }
}

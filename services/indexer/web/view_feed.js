// The live feed: the newest articles, and what is filed while one looks.

import { get, path } from "./api.js";
import { announce, byId, calm, debounce, h, heading } from "./dom.js";
import { ago, headline, localDay, plural, timeOfDay } from "./format.js";
import { unitsOf } from "./marks.js";
import { appendByDay, empty, row, to } from "./list.js";

const FIRST = 40;
const MORE = 40;
const FETCHED_AT_ONCE = 12; // of a burst, only so many are read one by one
const EXCERPT = 240; // characters; two lines show
const NEAR_TOP = 160; // px: nearer than this, what arrives is in sight
const NEWS = new Set(["indexed", "updated", "withdrawn"]);

/** The beginning of the body, for an article without a summary. */
function beginning(article) {
  const start = article.sections.find((section) => section.role === "body")?.start ?? 0;
  const unit = unitsOf(article.text, [start])(start);
  return article.text.slice(unit, unit + EXCERPT).replace(/\s+/g, " ");
}

/** What a list shows of an article that was read whole. */
export function summaryOf(view) {
  const article = view.article;
  return {
    id: view.id,
    headline: article.headline,
    listed_at: article.published_at ?? article.drop.received_at,
    source: article.provider ?? null,
    language: article.detected_language.code,
    excerpt: article.summary?.text ?? beginning(article),
    topics: article.topics,
    story: article.story?.articles > 1 ? article.story.id : null,
    copy_of: article.near_duplicate_of?.article_id ?? null,
  };
}

/** What the event itself tells of the article: shown at once, completed when it was read. */
function briefOf(outcome) {
  return {
    id: outcome.article_id,
    headline: outcome.headline,
    listed_at: outcome.timings.filed_at,
    source: null,
    excerpt: "",
    topics: [],
  };
}

class Feed {
  constructor(context) {
    this.signal = context.signal;
    this.list = h("ol", { class: "rows", id: "feed", "aria-label": "Articles, newest first" });
    this.incoming = h("ol", { class: "rows incoming", "aria-label": "Filed while you look", hidden: true });
    this.pill = h("button", { class: "pill", type: "button", hidden: true, on: { click: () => this.top() } });
    this.more = h("button", { class: "button more", type: "button", on: { click: () => this.next() } }, "Older articles");
    this.nothing = empty("Nothing has been filed yet.",
      "Drop a file into the inbox, or try ", h("code", {}, "wiredesk demo"), ". Articles appear here by themselves.");
    this.unread = 0;
    this.out = 0;
    this.waiting = [];
    this.takeWaiting = debounce(() => this.flush(), 120);
    context.live.addEventListener("filed", (event) => this.arrived(event.detail), { signal: this.signal });
    context.live.addEventListener("state", (event) => event.detail === "live" && this.catchUp(), { signal: this.signal });
    context.live.addEventListener("gap", () => this.catchUp(), { signal: this.signal });
    addEventListener("scroll", () => this.scrolled(), { signal: this.signal, passive: true });
  }

  #newest() {
    return get(path("/v1/articles", { order: "newest", limit: FIRST }), { signal: this.signal });
  }

  /** Read the newest; shows them when they are there. */
  load() {
    this.loaded = this.#newest().then((page) => this.extend(page));
    return this.loaded;
  }

  /** What was filed before the stream was there, or in a gap of it, is put on top. */
  async catchUp() {
    try {
      await this.loaded;
      const { items } = await this.#newest();
      const missed = items.filter((item) => !this.find(item.id)).reverse();
      for (const item of missed) this.arrive(this.line(item, { timings: { filed_at: item.filed_at } }));
      if (missed.length) this.tell();
    } catch {
      // The list couldn't be read: the view says so, or the next connection tries again.
    }
  }

  extend(page) {
    const fresh = page.items.filter((item) => !this.find(item.id));
    appendByDay(this.list, fresh);
    this.cursor = page.next;
    this.more.hidden = !page.next;
    this.nothing.hidden = this.list.children.length + this.incoming.children.length > 0;
  }

  async next() {
    this.more.disabled = true;
    try {
      const query = { order: "newest", limit: MORE, cursor: this.cursor };
      const before = this.list.querySelectorAll(".row").length;
      this.extend(await get(path("/v1/articles", query), { signal: this.signal }));
      this.list.querySelectorAll(".row-link")[before]?.focus();
    } catch (error) {
      if (error.name !== "AbortError") announce(error.message);
    } finally {
      this.more.disabled = false;
    }
  }

  find(id) {
    return [...this.list.children, ...this.incoming.children].find((child) => child.dataset.id === id);
  }

  arrived(outcome) {
    if (!NEWS.has(outcome.outcome)) return;
    this.waiting = this.waiting.filter((other) => other.article_id !== outcome.article_id);
    this.waiting.push(outcome);
    this.takeWaiting();
  }

  async flush() {
    const outcomes = this.waiting.splice(0);
    const read = outcomes.slice(-FETCHED_AT_ONCE);
    for (const outcome of outcomes) {
      if (outcome.outcome === "withdrawn") this.withdraw(outcome);
      else this.place(outcome);
    }
    this.tell();
    await Promise.all(read.map((outcome) => this.complete(outcome)));
  }

  async complete(outcome) {
    if (outcome.outcome === "withdrawn") return;
    try {
      const view = await get(`/v1/articles/${outcome.article_id}`, { signal: this.signal });
      this.swap(summaryOf(view), outcome);
    } catch (error) {
      if (error.status === 410) this.withdraw(outcome);
      // else: the brief line stays, its link leads to the article
    }
  }

  line(item, outcome) {
    const filed = outcome.timings.filed_at;
    const old = localDay(item.listed_at) === localDay(filed) ? "new" : `of ${ago(item.listed_at)}`;
    const words = outcome.outcome === "updated" ? "updated" : old;
    const note = h("span", { class: "row-note" }, words);
    const element = row(item, { time: timeOfDay(filed), note });
    this.watch(element);
    return element;
  }

  /** A line on top for an article of which only the event is known yet. */
  place(outcome) {
    this.find(outcome.article_id)?.remove();
    this.dropEmptyDays();
    this.arrive(this.line(briefOf(outcome), outcome));
  }

  arrive(element) {
    element.classList.add("unread");
    this.incoming.prepend(element);
    this.incoming.hidden = false;
    this.nothing.hidden = true;
    this.unread = this.incoming.querySelectorAll(".unread").length;
    if (scrollY > NEAR_TOP) this.out += 1;
  }

  /** The same line with all that a list shows. */
  swap(item, outcome) {
    const there = this.find(item.id);
    if (!there) return;
    const element = this.line(item, outcome);
    element.classList.toggle("unread", there.classList.contains("unread"));
    const focused = there.contains(document.activeElement);
    there.replaceWith(element);
    if (focused) element.querySelector(".row-link").focus({ preventScroll: true });
  }

  watch(element) {
    const seen = () => {
      if (!element.classList.contains("unread")) return;
      element.classList.remove("unread");
      this.unread = Math.max(0, this.unread - 1);
      this.retitle();
    };
    element.addEventListener("pointerenter", seen, { signal: this.signal });
    element.addEventListener("focusin", seen, { signal: this.signal });
  }

  withdraw(outcome) {
    const there = this.find(outcome.article_id);
    if (!there) return;
    there.classList.add("withdrawn");
    there.querySelector(".row-excerpt")?.remove();
    const link = there.querySelector(".row-link");
    link.textContent = headline(outcome.headline ?? link.textContent);
    there.querySelector(".row-note")?.remove();
    there.querySelector(".row-time").append(h("span", { class: "row-note" }, "withdrawn"));
  }

  dropEmptyDays() {
    for (const day of this.list.querySelectorAll(".day")) {
      if (!day.nextElementSibling?.classList.contains("row")) day.remove();
    }
  }

  tell() {
    this.retitle();
    if (this.out > 0) {
      this.pill.textContent = `${this.out} new`;
      this.pill.hidden = false;
    }
    if (this.unread > 0) announce(`${plural(this.unread, "new article")}`);
  }

  retitle() {
    document.title = this.unread > 0 ? `(${this.unread}) Live – Wiredesk` : "Live – Wiredesk";
  }

  top() {
    scrollTo({ top: 0, behavior: calm() ? "instant" : "smooth" });
    this.incoming.querySelector(".row-link")?.focus({ preventScroll: true });
    this.out = 0;
    this.pill.hidden = true;
  }

  scrolled() {
    if (scrollY > NEAR_TOP || this.pill.hidden) return;
    this.out = 0;
    this.pill.hidden = true;
  }
}

/** Beside the feed, where there is room: what the last days were about. */
async function aside({ signal }) {
  const since = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const wanted = (extra) => path("/v1/facets", { facet: ["topic", "entity", "source"], limit: 40, ...extra });
  let answer = await get(wanted({ since }), { signal });
  let words = "in seven days";
  if (answer.counted === 0) {
    answer = await get(wanted({}), { signal });
    words = "in the store";
  }
  const part = (title, name, link) => {
    const values = answer.facets[name] ?? [];
    return values.length === 0 ? null : h("section", { class: "panel" },
      h("h2", {}, title),
      h("ol", { class: "ranks" }, values.slice(0, 8).map((value) =>
        h("li", {}, h("a", { href: link(value) }, h("bdi", {}, value.name)), h("span", { class: "number" }, value.count)))));
  };
  const counted = `${answer.complete ? "" : "more than "}${plural(answer.counted, "article")} ${words}`;
  return [
    h("div", { class: "stack" },
      part("In the news", "entity", (value) => to(`entity/${encodeURIComponent(value.key)}`)), await moving(signal)),
    h("div", { class: "stack" },
      part("Topics", "topic", (value) => to("search", { topic: value.key })),
      part("Sources", "source", (value) => to("search", { source: value.key })),
      h("p", { class: "quiet" }, counted)),
  ];
}

/** The stories that moved last. */
async function moving(signal) {
  const { items } = await get(path("/v1/stories", { limit: 6 }), { signal });
  if (!items.length) return null;
  return h("section", { class: "panel" }, h("h2", {}, "Stories that move"),
    h("ol", { class: "plain" }, items.map((story) => h("li", {},
      h("a", { href: to(`story/${story.id}`), dir: "auto" }, headline(story.headline)),
      h("p", { class: "quiet" }, [plural(story.articles, "article"), story.sources > 0 && plural(story.sources, "source"), ago(story.last_at)].filter(Boolean).join(", "))))));
}

/** The time here and, where that differs, in UTC: a desk works across zones. */
function clock(signal) {
  const place = h("p", { class: "clock" });
  const tick = () => {
    const now = new Date();
    const utc = now.toISOString().slice(11, 16);
    place.textContent = timeOfDay(now) === utc ? `${utc} UTC` : `${timeOfDay(now)} here, ${utc} UTC`;
  };
  const timer = setInterval(tick, 5000);
  signal.addEventListener("abort", () => clearInterval(timer));
  tick();
  return place;
}

/** The view. */
export async function feed(context) {
  const view = new Feed(context);
  await view.load();
  const side = h("aside", { class: "side two", "aria-label": "What the news is about" });
  return {
    title: "Live",
    nodes: [
      view.pill,
      h("div", { class: "columns feed" },
        h("div", { class: "middle" },
          h("div", { class: "title-line" }, heading("Live"), clock(context.signal)), view.nothing, view.incoming, view.list, view.more),
        side),
    ],
    ready: () => {
      byId("feed")?.setAttribute("data-ready", "true");
      aside(context).then((parts) => side.append(...parts.filter(Boolean)), (error) => {
        if (error.name !== "AbortError") side.remove();
      });
    },
  };
}

// The page: which view is shown, the state of the stream, the theme.

import { ApiError } from "./api.js";
import { Box } from "./box.js";
import { announce, byId, calm, h, heading, replace } from "./dom.js";
import { listenToKeys, showKeys } from "./keys.js";
import { Live } from "./stream.js";
import { article } from "./view_article.js";
import { desk } from "./view_desk.js";
import { entity } from "./view_entity.js";
import { feed } from "./view_feed.js";
import { search } from "./view_search.js";
import { stories, story } from "./view_stories.js";
import { topicsView } from "./view_topics.js";

const VIEWS = { "": feed, search, article, entity, stories, story, topics: topicsView, desk };
const SLOW = 180; // ms after which a view that isn't there yet says that it is loading
const KEPT = 100; // addresses whose scroll position is remembered

const live = new Live();
const box = new Box(byId("box"));
const scrolls = new Map();
let current = null;
let shown = null;
let back = false;

/** `#/article/1a2b?q=x` → view `article`, argument `1a2b`, parameters. */
function parse(hash) {
  const [route, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const slash = route.indexOf("/");
  const view = slash < 0 ? route : route.slice(0, slash);
  const argument = slash < 0 ? "" : decoded(route.slice(slash + 1));
  return { view, argument, parameters: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function remember() {
  if (shown === null) return;
  scrolls.delete(shown);
  scrolls.set(shown, scrollY);
  if (scrolls.size > KEPT) scrolls.delete(scrolls.keys().next().value);
}

function markNavigation(view) {
  for (const link of document.querySelectorAll(".nav a")) {
    const here = link.dataset.view === (view || "feed");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function lost() {
  return { title: "Not found", nodes: [h("div", { class: "columns single" }, h("div", { class: "middle" },
    heading("There is no such view"), h("p", {}, h("a", { href: "#/" }, "Back to the live feed"))))] };
}

function trouble(error) {
  const title = error.status === 410 ? "Withdrawn" : error.status === 404 ? "Not found" : "That didn't work";
  const words = error instanceof ApiError ? error.message : "The page made a mistake. Reloading it may help.";
  if (!(error instanceof ApiError)) console.error(error);
  const again = h("button", { class: "button more", type: "button", on: { click: () => show() } }, "Try again");
  return { title, nodes: [h("div", { class: "columns single" }, h("div", { class: "middle" },
    heading(title), h("p", { class: "lead", role: "alert" }, words), again))] };
}

/** Show the view of the address. */
async function show({ first = false } = {}) {
  remember();
  current?.abort();
  const own = new AbortController();
  current = own;
  const here = location.hash;
  const main = byId("main");
  const route = parse(here);
  const loading = setTimeout(() => main.setAttribute("aria-busy", "true"), SLOW);
  const context = { ...route, signal: own.signal, live, box };
  let result;
  try {
    result = await (VIEWS[route.view]?.(context) ?? lost());
  } catch (error) {
    if (own.signal.aborted) return;
    result = trouble(error);
  } finally {
    clearTimeout(loading);
  }
  if (own.signal.aborted) return;
  main.removeAttribute("aria-busy");
  main.dataset.view = route.view || "feed";
  main.dataset.address = here; // tells whoever drives the page that this view is the one shown
  replace(main, result.nodes);
  markNavigation(route.view);
  box.show(route.view === "search" || route.view === "article" ? route.parameters.get("q") ?? "" : "");
  document.title = `${result.title} – Wiredesk`;
  settle(main, here, { first, keep: result.keep === true && shown?.split("?")[0] === here.split("?")[0] });
  shown = here;
  result.ready?.();
}

function settle(main, here, { first, keep }) {
  const was = scrolls.get(here);
  if (back && was !== undefined) scrollTo({ top: was, behavior: "instant" });
  else if (!keep) scrollTo({ top: 0, behavior: "instant" });
  back = false;
  if (first || keep) return;
  const title = main.querySelector("h1");
  title?.focus({ preventScroll: true });
}

function followSignal() {
  const signal = byId("signal");
  const tell = () => {
    signal.dataset.state = live.state;
    signal.textContent = live.state === "denied" ? "no live feed" : live.state;
    signal.title = live.reason;
  };
  live.addEventListener("state", tell);
  tell();
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("wiredesk.theme", root.dataset.theme);
  } catch {
    // Storage is off: it holds until the page is loaded again.
  }
  announce(`${root.dataset.theme} theme`);
}

function start() {
  history.scrollRestoration = "manual";
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    (byId("main").querySelector("h1") ?? byId("main")).focus();
    byId("main").scrollIntoView({ behavior: calm() ? "instant" : "smooth" });
  });
  byId("theme").addEventListener("click", switchTheme);
  byId("help").addEventListener("click", showKeys);
  addEventListener("popstate", () => {
    back = true;
  });
  document.addEventListener("click", () => {
    back = false;
  }, true);
  addEventListener("hashchange", () => show());
  listenToKeys({ box, switchTheme });
  followSignal();
  show({ first: true });
  live.run();
}

start();

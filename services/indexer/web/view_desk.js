// The desk as its operators see it: what flows, what waits, what is wrong.

import { get } from "./api.js";
import { announce, h, heading, replace } from "./dom.js";
import { ago, count, plural, seemly, short, span } from "./format.js";
import { to, when } from "./list.js";
import { sparkline } from "./plot.js";
import { alarms, STAGES } from "./alarms.js";

const EVERY = 3000; // ms between two looks
const LOOKS = 12; // looks that tell whether a lag grows: about half a minute

function stream(view, name) {
  return view.streams.find((each) => each.name === name);
}

/** The group that a stage reads with; ingest's one is of the folder it watches. */
export function groupOf(view, stage) {
  const groups = stream(view, stage.reads)?.groups ?? [];
  return groups.find((group) => group.kind === "stage" && (group.name === stage.name || group.name.startsWith(`${stage.name}:`)));
}

function figure(words, value, wrong = false) {
  return h("div", { class: wrong ? "figure-pair wrong" : "figure-pair" }, h("dt", {}, words), h("dd", {}, value));
}

function stageCard(view, stage) {
  const written = stream(view, stage.writes);
  const group = groupOf(view, stage);
  const workers = view.workers.filter((worker) => worker.stage === stage.name);
  const rate = written?.per_minute;
  return h("section", { class: "stage", "aria-label": stage.title },
    h("h2", {}, stage.title, h("span", { class: workers.length ? "dot on" : "dot off", title: workers.length ? "running" : "no worker" })),
    h("p", { class: "stage-what" }, stage.what),
    h("p", { class: "rate" }, h("b", {}, rate === null || rate === undefined ? "–" : short(Math.round(rate))), " a minute"),
    sparkline(written?.recent ?? []),
    h("dl", { class: "figure-pairs" },
      figure("waiting", group ? (group.lag === null ? "unknown" : count(group.lag)) : "–"),
      figure("in work", group ? count(group.pending) : "–"),
      figure("oldest", group?.oldest_seconds ? span(group.oldest_seconds) : "–", (group?.oldest_seconds ?? 0) > 60),
      figure("workers", count(workers.length), workers.length === 0)));
}

function workersTable(view) {
  const rows = view.workers.map((worker) => h("tr", {},
    h("th", { scope: "row" }, worker.stage),
    h("td", {}, h("bdi", {}, `${worker.host} · ${worker.pid}`)),
    h("td", { class: "number" }, count(worker.done)),
    h("td", { class: worker.failed ? "number wrong" : "number" }, count(worker.failed)),
    h("td", {}, worker.waiting_for ? `waits for ${seemly(worker.waiting_for)}` : worker.busy_seconds ? `busy for ${span(worker.busy_seconds)}` : "ready")));
  return table("Workers", ["stage", "where", "done", "failed", "now"], rows, "No worker is running. Start the desk with wiredesk up.");
}

function groupsTable(view) {
  const groups = view.streams.flatMap((each) => each.groups.map((group) => ({ ...group, stream: each.name })));
  const rows = groups.filter((group) => group.kind !== "stage").map((group) => h("tr", {},
    h("th", { scope: "row" }, h("bdi", {}, seemly(group.name))),
    h("td", {}, group.kind), h("td", {}, group.stream),
    h("td", { class: "number" }, group.lag === null ? "unknown" : count(group.lag)),
    h("td", { class: "number" }, count(group.pending)),
    h("td", { class: "number" }, group.oldest_seconds ? span(group.oldest_seconds) : "–")));
  return rows.length ? table("Subscribers", ["name", "kind", "stream", "waiting", "in work", "oldest"], rows) : null;
}

function outcomes(summary) {
  return Object.entries(summary).filter(([, number]) => number > 0).map(([kind, number]) =>
    h("span", { class: `outcome o-${kind}` }, `${count(number)} ${kind}`));
}

function receiptsTable(view) {
  const rows = view.receipts.map((receipt) => h("tr", {},
    h("td", { class: "time" }, when(receipt.settled_at, ago(receipt.settled_at))),
    h("th", { scope: "row" }, h("bdi", {}, seemly(receipt.file))),
    h("td", { class: "number" }, count(receipt.articles)),
    h("td", {}, outcomes(receipt.summary), receipt.note ? h("p", { class: "quiet" }, seemly(receipt.note)) : null),
    h("td", { class: "number" }, span(Math.max(0, (Date.parse(receipt.settled_at) - Date.parse(receipt.received_at)) / 1000)))));
  return table("Receipts", ["settled", "file", "articles", "outcome", "took"], rows, "No file has been settled yet.");
}

function deadTable(view) {
  if (!view.dead_letters && !view.dead.length) return null;
  const rows = view.dead.map((dead) => h("tr", {},
    h("td", { class: "time" }, when(dead.died_at)),
    h("th", { scope: "row" }, dead.stage), h("td", {}, h("code", {}, dead.error_type)),
    h("td", { class: "number" }, count(dead.attempts)),
    h("td", {}, h("bdi", {}, seemly(dead.file ?? "–"))),
    h("td", {}, dead.article_id ? h("a", { href: to(`article/${dead.article_id}`) }, "article") : "–")));
  return table("Dead letters", ["died", "stage", "error", "attempts", "file", ""], rows);
}

const NUMBERS = new Set(["done", "failed", "waiting", "in work", "oldest", "articles", "took", "attempts"]);

function table(title, columns, rows, nothing = "") {
  return h("section", { class: "panel wide-table" }, h("h2", {}, title),
    rows.length
      ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
        h("table", { class: "table" },
          h("thead", {}, h("tr", {}, columns.map((words) => h("th", { scope: "col", class: NUMBERS.has(words) ? "number" : null }, words)))), h("tbody", {}, rows)))
      : h("p", { class: "quiet" }, nothing));
}

function banner(found) {
  if (!found.length) return h("p", { class: "state good" }, "Everything flows.");
  return h("ul", { class: "state bad" }, found.map((words) => h("li", {}, words)));
}

function shown(view, found) {
  return [
    banner(found),
    h("div", { class: "stages" }, STAGES.map((stage) => stageCard(view, stage))),
    h("p", { class: "totals" },
      view.articles === null ? null : h("span", {}, h("b", {}, count(view.articles)), " articles can be found"),
      h("span", {}, h("b", {}, count(view.dead_letters)), ` dead letter${view.dead_letters === 1 ? "" : "s"}`),
      h("span", { class: "quiet" }, "as of ", when(view.at, new Date(view.at).toLocaleTimeString("en-GB")))),
    h("div", { class: "tables" }, h("div", {}, receiptsTable(view)), h("div", {}, deadTable(view), workersTable(view), groupsTable(view))),
  ];
}

class Board {
  constructor({ signal }) {
    this.signal = signal;
    this.place = h("div", { class: "board" });
    this.looks = [];
    this.said = "";
  }

  async look() {
    const view = await get("/v1/desk", { signal: this.signal });
    this.looks = [...this.looks, view].slice(-LOOKS);
    this.say(view, alarms(this.looks));
  }

  say(view, found) {
    const held = document.activeElement?.getAttribute("aria-label");
    replace(this.place, shown(view, found));
    if (held) this.place.querySelector(`.scroll[aria-label="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    this.tell(found);
  }

  tell(found) {
    const words = found.join(" ") || "Everything flows.";
    if (words !== this.said && this.said) announce(words);
    this.said = words;
  }

  /** Look again and again; what can't be reached is said over the last known state. */
  async follow() {
    while (!this.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, EVERY));
      if (this.signal.aborted || document.hidden) continue;
      try {
        await this.look();
      } catch (error) {
        if (error.name === "AbortError") return;
        this.place.querySelector(".state")?.replaceWith(banner([error.message]));
        this.tell([error.message]);
      }
    }
  }
}

/** The view: `#/desk`. */
export async function desk(context) {
  const board = new Board(context);
  await board.look();
  return {
    title: "Desk",
    nodes: [h("div", { class: "columns desk" }, h("div", { class: "middle" }, heading("Desk"), board.place))],
    ready: () => void board.follow(),
  };
}

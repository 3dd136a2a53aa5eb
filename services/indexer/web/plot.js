// Articles over time: bars of days, weeks or months, drawn by hand in SVG.

import { h, svg } from "./dom.js";
import { count, plural } from "./format.js";

const DAY = 86_400_000;
const HEIGHT = 132;
const TOP = 14;
const BOTTOM = 22;
const LEFT = 34;
const MOST_DAYS = 92; // bars that can still be told apart at 360 px; more days are weeks
const MOST_WEEKS = 110; // and more weeks are months

const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const dayWords = format({ day: "numeric", month: "short", year: "numeric" });
const monthWords = format({ month: "long", year: "numeric" });
const tickDay = format({ day: "numeric", month: "short" });
const tickMonth = format({ month: "short", year: "2-digit" });

const iso = (time) => new Date(time).toISOString().slice(0, 10);

const UNITS = {
  day: { start: (t) => t, next: (t) => t + DAY, name: (t) => dayWords.format(t), tick: (t) => tickDay.format(t) },
  week: {
    start: (t) => t - ((new Date(t).getUTCDay() + 6) % 7) * DAY, // Monday
    next: (t) => t + 7 * DAY,
    name: (t) => `week of ${dayWords.format(t)}`,
    tick: (t) => tickDay.format(t),
  },
  month: {
    start: (t) => Date.UTC(new Date(t).getUTCFullYear(), new Date(t).getUTCMonth(), 1),
    next: (t) => Date.UTC(new Date(t).getUTCFullYear(), new Date(t).getUTCMonth() + 1, 1),
    name: (t) => monthWords.format(t),
    tick: (t) => tickMonth.format(t),
  },
};

function unitFor(first, last) {
  const span = (last - first) / DAY + 1;
  if (span <= MOST_DAYS) return "day";
  return span / 7 <= MOST_WEEKS ? "week" : "month";
}

/** `[{day, count}]` as bars without gaps: `{unit, bars: [{from, until, name, tick, count}]}`. */
export function barsOf(days) {
  if (!days.length) return { unit: "day", bars: [] };
  const times = days.map(({ day }) => Date.parse(`${day}T00:00:00Z`));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const unit = unitFor(first, last);
  const { start, next, name, tick } = UNITS[unit];
  const sums = new Map();
  days.forEach((each, at) => sums.set(start(times[at]), (sums.get(start(times[at])) ?? 0) + each.count));
  const bars = [];
  for (let at = start(first); at <= last; at = next(at)) {
    bars.push({ from: iso(at), until: iso(next(at)), name: name(at), tick: tick(at), count: sums.get(at) ?? 0 });
  }
  return { unit, bars };
}

/** A round number at or above `most`, for the axis. */
export function roundUp(most) {
  const ten = 10 ** Math.floor(Math.log10(Math.max(most, 1)));
  return [1, 2, 4, 5, 10].map((factor) => factor * ten).find((each) => each >= most) ?? most;
}

function axis(most, width, tall) {
  const lines = most % 2 === 0 ? [0, most / 2, most] : [0, most];
  return lines.map((value) => {
    const y = TOP + (tall - TOP - BOTTOM) * (1 - value / most);
    return [
      svg("line", { class: "grid", x1: LEFT, x2: width, y1: y, y2: y }),
      svg("text", { class: "tick", x: LEFT - 6, y: y + 4, "text-anchor": "end" }, count(value)),
    ];
  });
}

function ticks(bars, step, width, tall) {
  const every = Math.max(1, Math.ceil(64 / step));
  return bars.filter((_, at) => at % every === 0).map((bar, index) => {
    const x = LEFT + step * (index * every) + step / 2;
    const anchor = x > width - 28 ? "end" : index === 0 ? "start" : "middle";
    return svg("text", { class: "tick", x: anchor === "start" ? LEFT : x, y: tall - 5, "text-anchor": anchor }, bar.tick);
  });
}

function draw(frame, bars, { width, tall, chosen }) {
  const most = roundUp(Math.max(...bars.map((bar) => bar.count)));
  const step = (width - LEFT) / bars.length;
  const room = tall - TOP - BOTTOM;
  const gap = Math.min(2, step * 0.2);
  const columns = bars.map((bar, at) => {
    const height = bar.count ? Math.max(2, (room * bar.count) / most) : 0;
    const barWidth = Math.min(Math.max(1, step - gap), 56);
    return svg("g", { class: at === chosen ? "bar chosen" : "bar", data: { at } },
      svg("rect", { class: "reach", x: LEFT + step * at, y: 0, width: step, height: tall }),
      svg("rect", { class: "column", x: LEFT + step * at + (step - barWidth) / 2, y: TOP + room - height, width: barWidth, height, rx: Math.min(1.5, barWidth / 4) }));
  });
  frame.setAttribute("viewBox", `0 0 ${width} ${tall}`);
  frame.replaceChildren(...axis(most, width, tall).flat(), ...columns, ...ticks(bars, step, width, tall));
}

function table(bars, unit) {
  return h("details", { class: "fold" }, h("summary", {}, "The same as a table"),
    h("table", { class: "table" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, unit), h("th", { scope: "col", class: "number" }, "articles"))),
      h("tbody", {}, bars.filter((bar) => bar.count).map((bar) =>
        h("tr", {}, h("th", { scope: "row" }, bar.name), h("td", { class: "number" }, count(bar.count)))))));
}

/**
 * A plot of `[{day, count}]`.  Arrow keys and the mouse go from bar to bar; `open` is called with
 * the bar that is chosen (Enter, click), where it is given.
 */
export function plot(days, { label, open = null, signal, height: tall = HEIGHT, beside = null }) {
  const { unit, bars } = barsOf(days);
  if (!bars.length) return h("p", { class: "quiet" }, "Nothing to draw yet.");
  let chosen = -1;
  let width = 0;
  const idle = `${plural(days.reduce((sum, each) => sum + each.count, 0), "article")}, by ${unit}`;
  const value = h("p", { class: "plot-value", "aria-live": "polite" }, idle);
  const frame = svg("svg", { class: "plot", height: tall, role: "img", tabindex: "0", "aria-label": `${label}. ${idle}. Arrow keys tell each ${unit}.` });
  const choose = (at) => {
    frame.querySelector(".chosen")?.classList.remove("chosen");
    chosen = Math.min(Math.max(at, -1), bars.length - 1);
    frame.querySelectorAll(".bar")[chosen]?.classList.add("chosen");
    value.textContent = chosen < 0 ? idle : `${bars[chosen].name}: ${plural(bars[chosen].count, "article")}`;
  };
  const at = (event) => Number(event.target.closest?.(".bar")?.dataset.at ?? -1);
  frame.addEventListener("pointermove", (event) => choose(at(event)));
  frame.addEventListener("pointerleave", () => choose(-1));
  frame.addEventListener("blur", () => choose(-1));
  frame.addEventListener("click", (event) => at(event) >= 0 && open?.(bars[at(event)]));
  frame.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(chosen < 0 ? (step > 0 ? 0 : bars.length - 1) : Math.max(0, chosen + step));
    else if (event.key === "Enter" && chosen >= 0) open?.(bars[chosen]);
    else return;
    event.preventDefault();
  });
  if (open) frame.classList.add("opens");
  const watch = new ResizeObserver(([entry]) => {
    const now = Math.floor(entry.contentRect.width);
    if (!now || now === width) return;
    width = now;
    draw(frame, bars, { width, tall, chosen });
  });
  const figure = h("figure", { class: "figure" }, value, frame, h("div", { class: "under-plot" }, beside, table(bars, unit)));
  watch.observe(figure);
  signal.addEventListener("abort", () => watch.disconnect());
  return figure;
}

/**
 * A small line of numbers, without axes; the words beside it tell the last one.  Fewer than
 * `least` come in from the right, so that a desk that has just started doesn't look busy.
 */
export function sparkline(known, { width = 160, height = 36, least = 20 } = {}) {
  const numbers = [...Array(Math.max(0, least - known.length)).fill(0), ...known];
  const most = Math.max(...numbers, 1);
  const step = width / (numbers.length - 1);
  const points = numbers.map((number, at) => `${(at * step).toFixed(1)},${(height - 2 - (number / most) * (height - 5)).toFixed(1)}`);
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polygon", { class: "spark-area", points: `0,${height} ${points.join(" ")} ${width},${height}` }),
    svg("polyline", { class: "spark-line", points: points.join(" ") }));
}

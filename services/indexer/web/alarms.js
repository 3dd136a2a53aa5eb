// What is wrong with a desk, in words, from the last looks at it.

import { count, plural, seemly, span } from "./format.js";

/** The three stages: what each reads and writes (short names of streams). */
export const STAGES = [
  { name: "ingest", title: "Ingest", reads: "outcomes", writes: "raw", what: "reads dropped files" },
  { name: "enrichment", title: "Enrichment", reads: "raw", writes: "enriched", what: "finds names, topics, quotes" },
  { name: "indexer", title: "Indexer", reads: "enriched", writes: "outcomes", what: "files and serves" },
];

const OLD = 60; // s: what waits longer than this isn't in a queue, it is stuck or behind
const LONG_WORK = 120; // s: no article takes a worker so long
const GROWING = 4; // looks in a row with more waiting than before

/** The group of `stage` in one look. */
function group(view, stage) {
  const groups = view.streams.find((stream) => short(stream.name) === stage.reads)?.groups ?? [];
  return groups.find((each) => each.kind === "stage" && each.name.split(":")[0] === stage.name);
}

const short = (name) => name.split(":").at(-1);

function growing(looks, stage) {
  const lags = looks.map((view) => group(view, stage)?.lag ?? 0).slice(-GROWING - 1);
  return lags.length > GROWING && lags.every((lag, at) => at === 0 || lag > lags[at - 1]);
}

function ofStage(looks, stage) {
  const view = looks.at(-1);
  const waiting = group(view, stage);
  const found = [];
  if (!view.workers.some((worker) => worker.stage === stage.name)) {
    found.push(`${stage.title} isn't running: what is dropped waits safely.`);
  }
  if (growing(looks, stage)) {
    found.push(`${stage.title} falls behind: ${count(waiting.lag)} wait, and more with every look.`);
  }
  if ((waiting?.oldest_seconds ?? 0) > OLD) {
    found.push(`${stage.title}: the oldest article has waited for ${span(waiting.oldest_seconds)}.`);
  }
  return found;
}

function ofWorker(worker) {
  if (worker.waiting_for) return [`${worker.stage} on ${worker.host} waits for ${seemly(worker.waiting_for)}.`];
  if ((worker.busy_seconds ?? 0) > LONG_WORK) {
    return [`${worker.stage} on ${worker.host} has been busy with one batch for ${span(worker.busy_seconds)}.`];
  }
  return [];
}

/** Sentences for an operator, the worst first; none when all is well. `looks`: oldest first. */
export function alarms(looks) {
  const view = looks.at(-1);
  if (view.server === "down") return ["The Redis server doesn't answer. Dropped files wait in the inbox; nothing is lost."];
  const dead = view.dead_letters
    ? [`${plural(view.dead_letters, "dead letter")}: what could not be processed is kept, and listed below.`] : [];
  return [...STAGES.flatMap((stage) => ofStage(looks, stage)), ...view.workers.flatMap(ofWorker), ...dead];
}

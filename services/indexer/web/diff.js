// What changed between two texts: paragraphs first, then the words of those that were changed.

const MOST_WORDS = 4_000; // of one changed paragraph; longer ones are shown whole, old and new
const MOST_STEPS = 2_000; // differences between two texts that are worth finding exactly

/**
 * Differences of two lists after Myers (1986): `[["=" | "-" | "+", item], …]`; null where they
 * differ in more than `most` places.
 */
export function differences(before, after, most = MOST_STEPS) {
  const start = commonStart(before, after);
  const end = commonEnd(before, after, start);
  const old = before.slice(start, before.length - end);
  const fresh = after.slice(start, after.length - end);
  const middle = walk(old, fresh, most);
  if (middle === null) return null;
  const same = (items) => items.map((item) => ["=", item]);
  return [...same(before.slice(0, start)), ...middle, ...same(end ? before.slice(-end) : [])];
}

function commonStart(before, after) {
  let at = 0;
  while (at < before.length && at < after.length && before[at] === after[at]) at += 1;
  return at;
}

function commonEnd(before, after, start) {
  const most = Math.min(before.length, after.length) - start;
  let at = 0;
  while (at < most && before[before.length - 1 - at] === after[after.length - 1 - at]) at += 1;
  return at;
}

function walk(old, fresh, most) {
  const furthest = new Map([[1, 0]]);
  const trail = [];
  for (let steps = 0; steps <= Math.min(old.length + fresh.length, most); steps += 1) {
    trail.push(new Map(furthest));
    for (let line = -steps; line <= steps; line += 2) {
      const down = line === -steps || (line !== steps && (furthest.get(line - 1) ?? -1) < (furthest.get(line + 1) ?? -1));
      let x = down ? furthest.get(line + 1) ?? 0 : (furthest.get(line - 1) ?? 0) + 1;
      while (x < old.length && x - line < fresh.length && old[x] === fresh[x - line]) x += 1;
      furthest.set(line, x);
      if (x >= old.length && x - line >= fresh.length) return backwards(old, fresh, trail);
    }
  }
  return null;
}

function backwards(old, fresh, trail) {
  const found = [];
  let x = old.length;
  let y = fresh.length;
  for (let steps = trail.length - 1; steps >= 0; steps -= 1) {
    const furthest = trail[steps];
    const line = x - y;
    const down = line === -steps || (line !== steps && (furthest.get(line - 1) ?? -1) < (furthest.get(line + 1) ?? -1));
    const from = down ? line + 1 : line - 1;
    const fromX = steps === 0 ? 0 : furthest.get(from) ?? 0;
    const fromY = steps === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      found.push(["=", old[x]]);
    }
    if (steps === 0) break;
    if (down) found.push(["+", fresh[(y -= 1)]]);
    else found.push(["-", old[(x -= 1)]]);
  }
  return found.reverse();
}

const words = (text) => text.split(/(\s+)/).filter(Boolean);

/** The changes of one paragraph, word by word, as `[["=" | "-" | "+", text], …]`. */
function inParagraph(before, after) {
  const old = words(before);
  const fresh = words(after);
  const found = old.length + fresh.length > MOST_WORDS ? null : differences(old, fresh);
  const pieces = found ?? [["-", before], ["+", after]];
  return joined(pieces);
}

/** Changes that only a space parts are one: what went, then what came. */
function joined(pieces) {
  const result = [];
  let [gone, come, space] = ["", "", ""];
  const settle = () => {
    if (gone) result.push(["-", gone]);
    if (come) result.push(["+", come]);
    if (space) result.push(["=", space]);
    [gone, come, space] = ["", "", ""];
  };
  for (const [sign, text] of pieces) {
    if (sign === "=" && (gone || come) && !text.trim()) {
      space += text;
    } else if (sign === "=") {
      settle();
      result.push(["=", text]);
    } else {
      gone += space + (sign === "-" ? text : "");
      come += space + (sign === "+" ? text : "");
      space = "";
    }
  }
  settle();
  return result;
}

/**
 * Paragraphs of two texts: `{sign, pieces}` with `sign` "=", "-", "+" or "~" (changed), where
 * `pieces` are `[sign, text]`.
 */
export function paragraphs(before, after) {
  const old = before.split("\n\n");
  const fresh = after.split("\n\n");
  const found = differences(old, fresh) ?? [...old.map((p) => ["-", p]), ...fresh.map((p) => ["+", p])];
  const result = [];
  for (let at = 0; at < found.length; ) {
    if (found[at][0] === "=") {
      result.push({ sign: "=", pieces: [found[at]] });
      at += 1;
      continue;
    }
    const stop = found.findIndex(([sign], index) => index >= at && sign === "=");
    const block = found.slice(at, stop < 0 ? found.length : stop);
    result.push(...paired(block));
    at += block.length;
  }
  return result;
}

/** Paragraphs that went and that came, those beside each other taken for changed ones. */
function paired(block) {
  const gone = block.filter(([sign]) => sign === "-").map(([, text]) => text);
  const come = block.filter(([sign]) => sign === "+").map(([, text]) => text);
  const both = Math.min(gone.length, come.length);
  return [
    ...gone.slice(0, both).map((text, at) => ({ sign: "~", pieces: inParagraph(text, come[at]) })),
    ...gone.slice(both).map((text) => ({ sign: "-", pieces: [["-", text]] })),
    ...come.slice(both).map((text) => ({ sign: "+", pieces: [["+", text]] })),
  ];
}

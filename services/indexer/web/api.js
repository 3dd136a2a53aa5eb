// Asking the API: the token, what goes wrong, and how that is said.

import { askToken } from "./token.js";

const TOKEN = "wiredesk.token";

/** An answer that isn't what was asked for; `message` is for people. */
export class ApiError extends Error {
  constructor(status, message, problem = null) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

export function token() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

export function keepToken(value) {
  try {
    sessionStorage.setItem(TOKEN, value);
  } catch {
    // Storage is off: the token is asked for again.
  }
}

/** Headers that every request has. */
export function headers(more = {}) {
  const held = token();
  return held ? { Authorization: `Bearer ${held}`, ...more } : more;
}

/** A path with its parameters; absent ones are left out, lists are repeated. */
export function path(base, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") query.append(name, one);
    }
  }
  const text = query.toString();
  return text ? `${base}?${text}` : base;
}

const WORDS = {
  403: "Your token doesn't allow this. Ask whoever runs the desk for one with a wider scope.",
  404: "There is nothing here. It may have been filed under another id, or not yet.",
  410: "This article was withdrawn by its provider.",
  413: "That is longer than the desk takes.",
  429: "Too many requests in a minute. Wait a moment, then try again.",
  503: "The desk is busy or starting. Try again in a moment.",
};

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return null; // not ours, e.g. of a proxy in between
  }
}

/** The error that a response means. */
export async function failure(response) {
  const problem = await problemOf(response);
  const said = [problem?.detail, ...(problem?.errors ?? []).map((e) => `${e.at}: ${e.detail}`)];
  const detail = said.filter(Boolean).join(" ");
  const words = WORDS[response.status];
  const message = [words, detail].filter(Boolean).join(" ") || `The desk answered ${response.status}.`;
  return new ApiError(response.status, message, problem);
}

/** What `url` answers, as parsed JSON; asks for a token where one is needed. */
export async function get(url, { signal } = {}) {
  let response;
  try {
    response = await fetch(url, { headers: headers({ Accept: "application/json" }), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The desk doesn't answer. It may be stopped, or the network is down.");
  }
  if (response.status === 401) {
    const problem = await problemOf(response);
    keepToken(await askToken(token() ? "This token isn't known, or was revoked." : problem?.detail));
    return get(url, { signal });
  }
  if (!response.ok) throw await failure(response);
  return response.json();
}

let tree = null;

/** The topics as a tree, and each node by its code with its parent. Read once a visit. */
export function topics() {
  tree ??= get("/v1/topics").then(indexed).catch((error) => {
    tree = null;
    throw error;
  });
  return tree;
}

function indexed(answer) {
  const byCode = new Map();
  const walk = (nodes, parent) => {
    for (const node of nodes) {
      byCode.set(node.code, { ...node, parent });
      walk(node.children, node.code);
    }
  };
  walk(answer.items, null);
  return { roots: answer.items, byCode, version: answer.version };
}

const STORIES = 100;
const STORIES_HOLD = 20_000; // ms that the list of stories is taken for the current one
let stories = { at: 0, ids: null };

/** Whether a story has more than one article; every article is in one, mostly alone. */
export async function isStory(id) {
  if (Date.now() - stories.at > STORIES_HOLD) {
    const ids = get(path("/v1/stories", { limit: STORIES })).then(({ items }) => items.map((each) => each.id));
    stories = { at: Date.now(), ids };
  }
  const known = await stories.ids;
  return known.includes(id) || known.length === STORIES; // an older one may be: its page tells
}

export const forgetTopics = () => {
  tree = null;
};

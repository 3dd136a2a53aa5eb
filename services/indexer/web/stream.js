// The event stream: one connection for the whole page, which comes back by itself.
//
// `EventSource` can't send a token, so the stream is read with `fetch`.  After a break it goes on
// behind the last event seen (`Last-Event-ID`), so that nothing is missed.

import { failure, headers, keepToken, path, token } from "./api.js";
import { askToken } from "./token.js";

const PAUSES = [500, 1000, 2000, 4000, 8000, 15_000];
const SILENCE = 60_000; // the server says something at least every half of this
const GIVEN_UP = 20_000; // reconnecting for longer than this is called offline
const GAP = "wiredesk.gap"; // events are gone that we have not seen
const TYPES = ["wiredesk.article.filed.v1"];

/** Parses `text/event-stream`, whatever pieces it comes in. */
export class EventParser {
  #rest = "";
  #event = { id: null, type: "message", data: [] };

  /** The events that are whole with this piece. */
  push(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    return lines.map((line) => this.#line(line)).filter(Boolean);
  }

  #line(line) {
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#event.data.push(value);
    else if (field === "event") this.#event.type = value;
    else if (field === "id") this.#event.id = value;
    else if (field === "retry") this.retry = Number(value) || undefined;
    return null;
  }

  #finish() {
    const { id, type, data } = this.#event;
    this.#event = { id: null, type: "message", data: [] };
    return data.length || id !== null ? { id, type, data: data.join("\n") } : null;
  }
}

/**
 * Dispatches `state` (detail: connecting, live, reconnecting, offline, denied) and `filed`
 * (detail: the outcome of an article), and `gap` where events are gone that nobody will send.
 */
export class Live extends EventTarget {
  state = "connecting";
  reason = "";
  #last = null;
  #tries = 0;
  #brokenSince = 0;
  #abort = null;
  #wake = null;

  /** Connect and stay connected. Never returns. */
  async run() {
    addEventListener("online", () => this.#again());
    addEventListener("offline", () => this.#abort?.abort());
    for (;;) {
      try {
        await this.#connect();
      } catch (error) {
        if (error.status === 403) {
          this.#become("denied", error.message);
          return;
        }
      }
      await this.#pause();
    }
  }

  #again() {
    this.#wake?.();
  }

  async #pause() {
    this.#brokenSince ||= Date.now();
    const long = Date.now() - this.#brokenSince > GIVEN_UP;
    this.#become(long || !navigator.onLine ? "offline" : "reconnecting");
    const wait = PAUSES[Math.min(this.#tries, PAUSES.length - 1)] * (0.75 + Math.random() / 2);
    this.#tries += 1;
    await new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, wait);
    });
  }

  async #connect() {
    this.#abort = new AbortController();
    const more = { Accept: "text/event-stream", ...(this.#last && { "Last-Event-ID": this.#last }) };
    const response = await fetch(path("/v1/events", { type: TYPES }), {
      headers: headers(more), signal: this.#abort.signal, cache: "no-store",
    });
    if (response.status === 401) {
      keepToken(await askToken(token() ? "This token isn't known, or was revoked." : null));
      this.#tries = 0;
      return;
    }
    if (!response.ok) throw await failure(response);
    this.#tries = 0;
    this.#brokenSince = 0;
    this.#become("live");
    await this.#read(response.body.getReader());
  }

  async #read(reader) {
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const watch = setTimeout(() => this.#abort.abort(), SILENCE);
      const { done, value } = await reader.read().finally(() => clearTimeout(watch));
      if (done) return;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#take(event);
    }
  }

  #take(event) {
    if (event.id) this.#last = event.id;
    if (event.type === GAP) this.dispatchEvent(new CustomEvent("gap"));
    let outcome = null;
    try {
      outcome = JSON.parse(event.data).data;
    } catch {
      return; // a line that isn't an event of ours
    }
    if (outcome?.outcome) this.dispatchEvent(new CustomEvent("filed", { detail: outcome }));
  }

  #become(state, reason = "") {
    if (state === this.state) return;
    this.state = state;
    this.reason = reason;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}

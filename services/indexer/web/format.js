// How times, numbers and texts are shown.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayAndMonth = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const fullDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const weekday = new Intl.DateTimeFormat("en-GB", {
  weekday: "long", day: "numeric", month: "long", year: "numeric",
});
const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
  second: "2-digit", timeZoneName: "short",
});
const whole = new Intl.NumberFormat("en-GB");
const compact = new Intl.NumberFormat("en-GB", { notation: "compact", maximumFractionDigits: 1 });
const languages = new Intl.DisplayNames("en", { type: "language" });

export const count = (number) => whole.format(number);
export const short = (number) => (number < 10_000 ? whole.format(number) : compact.format(number));
export const timeOfDay = (time) => clock.format(new Date(time));
export const exactly = (time) => moment.format(new Date(time));
export const dayName = (time) => weekday.format(new Date(time));

/** "1 article", "2 articles". */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A day (`2026-03-02`) in words. */
export function day(iso) {
  const [year, month, date] = iso.split("-").map(Number);
  return fullDay.format(new Date(year, month - 1, date));
}

/** The local calendar day of a time, to group by. */
export function localDay(time) {
  const at = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** "just now", "12 min ago", "14:05", "3 Mar", "3 Mar 2024". */
export function ago(time, now = Date.now()) {
  const at = new Date(time);
  const age = now - at.getTime();
  if (age >= 0 && age < MINUTE) return "just now";
  if (age >= 0 && age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age >= 0 && age < DAY) return `${Math.floor(age / HOUR)} h ago`;
  const sameYear = at.getFullYear() === new Date(now).getFullYear();
  return sameYear ? dayAndMonth.format(at) : `${dayAndMonth.format(at)} ${at.getFullYear()}`;
}

/** A span of seconds: "8 s", "3 min", "2 h 10 min", "4 days". */
export function span(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.round((seconds % 3600) / 60);
    return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  }
  return `${Math.round(seconds / 86_400)} days`;
}

/** The name of a language; the code where there is none. */
export function language(code) {
  if (!code || code === "und") return "language unknown";
  try {
    return languages.of(code) ?? code;
  } catch {
    return code;
  }
}

/** An amount with its currency: "USD 3.6 billion" is told as the text does, so we give the sum. */
export function money(value) {
  const amount = (number) => whole.format(number);
  const sum = value.upto ? `${amount(value.amount)}–${amount(value.upto)}` : amount(value.amount);
  return `${value.about ? "about " : ""}${sum} ${value.currency}`;
}

/** The days that an expression of time means. */
export function days(value) {
  return value.earliest === value.latest
    ? day(value.earliest)
    : `${day(value.earliest)} – ${day(value.latest)}`;
}

export const percent = (share) => `${Math.round(share * 100)} %`;

// Controls show nothing or upset a terminal; the two overrides (LRO, RLO) turn the order of
// letters around, so that a headline can pretend to be another one.  Each becomes one visible
// character of one code unit, so that offsets stay what they are.
const UNSEEMLY = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202d\u202e]/g;

/** A text that is safe to look at, as long as it was. */
export function seemly(text) {
  return text.replace(UNSEEMLY, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : "\ufffd";
  });
}

/** A headline for people; what has none says so. */
export function headline(text) {
  return text ? seemly(text) : "(no headline)";
}

/** A link that leads out: only the web's own schemes, never `javascript:`. */
export function outward(url) {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null;
  }
}

export const TYPES = {
  PERSON: ["person", "people"],
  ORG: ["org", "organisations"],
  GPE: ["place", "countries, cities"],
  LOC: ["area", "regions, seas, mountains"],
  FAC: ["site", "buildings, roads"],
  EVENT: ["event", "events"],
  NORP: ["group", "peoples, parties, faiths"],
  PRODUCT: ["product", "products"],
  WORK_OF_ART: ["work", "works"],
  LAW: ["law", "laws"],
  LANGUAGE: ["tongue", "languages"],
  DATE: ["date", "dates"],
  MONEY: ["money", "money"],
};

/** The short name of an entity's type, as it stands beside a name. */
export const typeName = (type) => TYPES[type]?.[0] ?? "name";

/** The name of what has many of them. */
export const typeNames = (type) => TYPES[type]?.[1] ?? "names";

/** Short texts about times and values. */
import type { JsonValue } from "meerkat-rpc-client";

/** How much of a tool's arguments its line shows. */
const LINE_CHARS = 120;

/** How much of a value is shown when it is opened. */
const LONGEST_VALUE = 20_000;

const SECOND_MS = 1000;
const MINUTE_S = 60;

/** "0.3 s", "12 s", "2 min 5 s". */
export function duration(ms: number): string {
  const seconds = ms / SECOND_MS;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < MINUTE_S) return `${seconds.toFixed(0)} s`;
  return `${Math.floor(seconds / MINUTE_S).toString()} min ${Math.round(seconds % MINUTE_S).toString()} s`;
}

/** The arguments of a call in one line: what a person would say them to be. */
export function inOneLine(args: JsonValue): string {
  const values = typeof args === "object" && args !== null && !Array.isArray(args) ? Object.values(args) : [args];
  const line = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join("  ");
  return cut(line.replace(/\s+/gu, " ").trim(), LINE_CHARS);
}

/** A value for reading: text as it is, everything else as indented JSON. */
export function inFull(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return cut(text, LONGEST_VALUE, `\n… ${(text.length - LONGEST_VALUE).toLocaleString()} more characters`);
}

/** The beginning of a text, and what says that it isn't all. Doesn't cut a character in two. */
export function cut(text: string, length: number, more = "…"): string {
  if (text.length <= length) return text;
  const half = /[\uD800-\uDBFF]/u.test(text.charAt(length - 1));
  return text.slice(0, half ? length - 1 : length) + more;
}

/** A file's size as people say it. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 && units[0] !== "B" ? value.toFixed(1) : value.toFixed(0)} ${units[0] ?? ""}`;
}

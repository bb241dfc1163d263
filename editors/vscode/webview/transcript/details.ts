/** What a question or a result is about: a change as a diff, a command as it is, anything else as JSON. */
import type { JsonValue } from "meerkat-rpc-client";

import { element } from "../dom";
import { inFull } from "./words";

type Fields = Record<string, JsonValue>;

/** What would not be seen, or would make the rest be read in another order than it is carried out in. */
const HIDDEN = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** The head of a diff: the question names the file already. */
const FILE_NAMES = /^--- .*\n\+\+\+ .*\n/u;

/** How many lines of a diff are shown: more is read better in an editor. */
const MOST_LINES = 400;

/** Everything that is known about what is asked. Nothing of it is hidden by its own characters. */
export function questionDetails(details: JsonValue): Node[] {
  const call = fields(details);
  const inner = call && "args" in call ? (call["details"] ?? call["args"] ?? null) : details;
  const from = call?.["source"];
  const origin =
    typeof from === "string" && from !== "builtin" ? [element("p", { class: "quiet" }, `A tool of ${from}`)] : [];
  return [...origin, ...valueDetails(inner)];
}

/** A value: a diff in colours, a command with its folder, text as it is, else JSON. */
export function valueDetails(value: JsonValue | undefined, label = "Details"): Node[] {
  const { diff, command, cwd } = fields(value) ?? {};
  if (typeof diff === "string") return [diffLines(diff, label)];
  if (command !== undefined) {
    const line = typeof command === "string" ? command : JSON.stringify(command);
    const folder = typeof cwd === "string" ? [element("p", { class: "quiet" }, `in ${revealed(cwd)}`)] : [];
    return [block(`$ ${revealed(line)}`, label), ...folder];
  }
  const text = inFull(value);
  return text === "" || text === "{}" ? [] : [block(revealed(text), label)];
}

/** The text with every character that hides itself or others written as its number. Lines and tabs stay. */
export function revealed(text: string): string {
  return text.replace(HIDDEN, (char) => {
    if (char === "\n" || char === "\t" || char === "\u200d") return char;
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

function fields(value: JsonValue | undefined): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
}

function block(text: string, label: string): HTMLElement {
  return element("pre", { tabindex: "0", "aria-label": label, dir: "ltr" }, text);
}

function diffLines(diff: string, label: string): HTMLElement {
  const lines = diff.replace(FILE_NAMES, "").replace(/\n$/u, "").split("\n");
  const shown = lines
    .slice(0, MOST_LINES)
    .map((line) => element("span", { class: kindOf(line) }, `${revealed(line)}\n`));
  const more = lines.length - MOST_LINES;
  if (more > 0) shown.push(element("span", { class: "place" }, `… ${more.toString()} more lines\n`));
  return element("pre", { class: "diff", tabindex: "0", "aria-label": label, dir: "ltr" }, ...shown);
}

function kindOf(line: string): string {
  if (line.startsWith("@")) return "place";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "same";
}

/** How lists put sessions into words. */
import { basename } from "node:path";

import type { SessionSummary } from "meerkat-rpc-client";

import type { Row } from "./listing";

/** Units of time with their seconds, the largest first. */
const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ["y", 365 * 24 * 3600],
  ["mo", 30 * 24 * 3600],
  ["w", 7 * 24 * 3600],
  ["d", 24 * 3600],
  ["h", 3600],
  ["min", 60],
];

/** How long ago, in one unit: `3 h`. */
export function age(seconds: number, now: number = Date.now()): string {
  const passed = now / 1000 - seconds;
  const unit = UNITS.find(([, length]) => passed >= length);
  return unit === undefined ? "now" : `${Math.floor(passed / unit[1])} ${unit[0]}`;
}

/** A title, also where nothing has been said yet. */
export function titleOf(session: Pick<SessionSummary, "title">): string {
  return session.title === "" ? "New session" : session.title;
}

/** What a session does, where that is worth a word. */
export function stateOf({ session, needsYou }: Row): "needs you" | "busy" | "archived" | undefined {
  if (needsYou) {
    return "needs you";
  }
  if (session.state === "running") {
    return "busy";
  }
  return session.archived ? "archived" : undefined;
}

/** Age, state and, where sessions of several folders are shown, the folder. */
export function description(row: Row, withFolder: boolean): string {
  const { cwd, updated_at: updated } = row.session;
  const folder = withFolder && cwd !== null ? basename(cwd) : undefined;
  return [age(updated), stateOf(row), folder].filter((part) => part !== undefined).join(" · ");
}

/** The icon of a state. */
export function iconOf(row: Row): string {
  switch (stateOf(row)) {
    case "needs you":
      return "bell-dot";
    case "busy":
      return "sync~spin";
    case "archived":
      return "archive";
    default:
      return "comment-discussion";
  }
}

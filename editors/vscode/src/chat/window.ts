/** The part of a session that a webview has: its end, and what was asked for before it. */
import type { Session } from "../sessions/interface";
import type { Item, SessionChange } from "../sessions/items";

/** How many items a webview begins with, and how many it gets at once when it asks for older ones. */
const PAGE = 60;

/** Remembers which item is the webview's first. */
export class Window {
  private first: string | undefined;

  constructor(private readonly session: Session) {}

  /** There are items, here or in the store, before the webview's first. */
  get hasOlder(): boolean {
    return this.index() > 0 || this.session.state.hasOlder;
  }

  /** The session's end, as a webview begins with it. */
  end(): readonly Item[] {
    const items = this.session.items.slice(-PAGE);
    this.first = items[0]?.id;
    return items;
  }

  /** Items before the first one that are at hand, or none. */
  older(): readonly Item[] {
    const index = this.index();
    const items = this.session.items.slice(Math.max(0, index - PAGE), index);
    this.first = items[0]?.id ?? this.first;
    return items;
  }

  /** What of the session's changes concerns the webview: no older items but those right before its first. */
  concerned(changes: readonly SessionChange[]): SessionChange[] {
    const kept = changes.filter(
      (change) => change.kind !== "state" && (change.kind !== "older" || this.reaches(change.items)),
    );
    const older = kept.findLast((change) => change.kind === "older");
    this.first = older?.items[0]?.id ?? this.first ?? this.session.items[0]?.id;
    return kept;
  }

  private reaches(items: readonly Item[]): boolean {
    return items.length === 0 || this.index() === items.length;
  }

  private index(): number {
    return this.first === undefined ? 0 : this.session.items.findIndex((item) => item.id === this.first);
  }
}

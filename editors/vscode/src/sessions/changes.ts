/** Collects what changed until it is told to those who show it. */
import type { Item, SessionChange } from "./items";

interface ItemChange {
  kind: "older" | "added" | "changed";
  items: Item[];
}

type Change = ItemChange | { kind: "text"; id: string; text: string } | SessionChange;

/**
 * Changes in order, as few of them as will do: text that follows text of the same item becomes one change, and text of an
 * item that is told whole anyway becomes none.
 */
export class ChangeList {
  private changes: Change[] = [];
  /** Items that are told whole: their text is taken when the changes are. */
  private readonly whole = new Set<string>();

  get isEmpty(): boolean {
    return this.changes.length === 0;
  }

  reset(): void {
    this.changes = [{ kind: "reset" }];
    this.whole.clear();
  }

  older(items: readonly Item[]): void {
    this.changes.push({ kind: "older", items: [...items] });
  }

  added(item: Item): void {
    this.tellWhole("added", item);
  }

  changed(item: Item): void {
    if (!this.whole.has(item.id)) {
      this.tellWhole("changed", item);
    }
  }

  text(item: Item, text: string): void {
    const last = this.changes.at(-1);
    if (this.whole.has(item.id)) {
      return;
    }
    if (last?.kind === "text" && last.id === item.id) {
      this.changes[this.changes.length - 1] = { kind: "text", id: item.id, text: last.text + text };
    } else {
      this.changes.push({ kind: "text", id: item.id, text });
    }
  }

  removed(ids: readonly string[]): void {
    this.changes.push({ kind: "removed", ids });
  }

  state(): void {
    if (!this.changes.some(({ kind }) => kind === "state")) {
      this.changes.push({ kind: "state" });
    }
  }

  /** The changes so far, with items as they are now; they don't change any more. */
  take(): readonly SessionChange[] {
    const changes = this.changes.map((change) =>
      "items" in change ? { ...change, items: change.items.map((item) => ({ ...item })) } : change,
    );
    this.changes = [];
    this.whole.clear();
    return changes;
  }

  private tellWhole(kind: "added" | "changed", item: Item): void {
    this.whole.add(item.id);
    const last = this.changes.at(-1);
    if (last?.kind === kind && "items" in last) {
      (last as ItemChange).items.push(item);
    } else {
      this.changes.push({ kind, items: [item] });
    }
  }
}

/** The items of a session in order, and what changed of them. */
import { ChangeList } from "./changes";
import type { Item } from "./items";

/** Where and when something happened. */
export interface Place {
  readonly turnId: string;
  readonly seq: number;
  readonly timestamp: number;
}

/** What an item has that something at this place made. */
export function base(id: string, at: Place): { id: string; turnId: string; timestamp: number } {
  return { id, turnId: at.turnId, timestamp: at.timestamp };
}

/** Items that tell their changes. */
export class ItemList {
  items: Item[] = [];
  readonly changes = new ChangeList();

  /** Begin anew. */
  reset(items: Item[]): void {
    this.items = items;
    this.changes.reset();
  }

  prepend(items: readonly Item[]): void {
    this.items = [...items, ...this.items];
    this.changes.older(items);
  }

  add<T extends Item>(item: T): T {
    this.items.push(item);
    this.changes.added(item);
    return item;
  }

  /** Give an item other values. */
  change<T extends Item>(item: T, news: Partial<T>): void {
    Object.assign(item, news);
    this.changes.changed(item);
  }

  remove(gone: readonly Item[]): void {
    if (gone.length > 0) {
      const ids = new Set(gone.map(({ id }) => id));
      this.items = this.items.filter(({ id }) => !ids.has(id));
      this.changes.removed([...ids]);
    }
  }
}

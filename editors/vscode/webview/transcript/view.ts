/** What the transcript asks of each kind of item. */
import type { Item } from "../../src/sessions/items";

/** An item on the screen. */
export interface ItemView<T extends Item = Item> {
  readonly element: HTMLElement;
  /** The item is another one now, whole. */
  update(item: T): void;
  /** Text that streams was added to the item. */
  append?(text: string): void;
  /** Draws what `append` brought; asked for once a frame. */
  draw?(): void;
  /** What a screen reader is told when the item is complete; "" for nothing. */
  said?(item: T): string;
}

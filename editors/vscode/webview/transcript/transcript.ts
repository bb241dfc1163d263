/** The conversation: its items in order, each with its view. */
import type { Item, SessionChange } from "../../src/sessions/items";
import { element } from "../dom";
import { oncePerFrame } from "../frames";
import { AnswerView } from "./answer";
import { approvalView } from "./approval";
import { noteView } from "./note";
import { promptView } from "./prompt";
import { reasoningView } from "./reasoning";
import { toolView } from "./tool";
import type { ItemView } from "./view";

interface Listener {
  /** Something was drawn: the end may be elsewhere now. */
  readonly drawn: () => void;
  /** An item is complete that a screen reader should tell of. */
  readonly said: (text: string) => void;
}

/** Shows items. It draws what changed and nothing else. */
export class Transcript {
  readonly element = element("div", { class: "items", role: "log", "aria-live": "off", "aria-label": "Conversation" });
  /** Who answers, for the heads of answers that come. */
  speaker = "Assistant";
  private readonly views = new Map<string, ItemView>();
  private readonly items = new Map<string, Item>();
  private readonly growing = new Set<ItemView>();
  private readonly draw = oncePerFrame(() => {
    for (const view of this.growing) view.draw?.();
    this.growing.clear();
    this.listener.drawn();
  });

  constructor(private readonly listener: Listener) {}

  /** True while there is nothing to show. */
  get empty(): boolean {
    return this.items.size === 0;
  }

  /** The questions that wait for an answer, the oldest first. */
  get questions(): (Item & { kind: "approval" })[] {
    return [...this.items.values()].filter(
      (item) => item.kind === "approval" && item.resolved === undefined,
    ) as (Item & {
      kind: "approval";
    })[];
  }

  /** The element of an item that is shown. */
  elementOf(id: string): HTMLElement | undefined {
    return this.views.get(id)?.element;
  }

  /** Shows other items in place of all. */
  show(items: readonly Item[]): void {
    this.views.clear();
    this.items.clear();
    this.growing.clear();
    this.element.replaceChildren(...items.map((item) => this.view(item).element));
    this.draw();
  }

  /** Applies one change. "reset" and "state" don't concern the items that are here. */
  apply(change: SessionChange): void {
    if (change.kind === "older") this.element.prepend(...change.items.map((item) => this.view(item).element));
    else if (change.kind === "added") this.add(change.items);
    else if (change.kind === "changed") change.items.forEach((item) => this.change(item));
    else if (change.kind === "text") this.grow(change.id, change.text);
    else if (change.kind === "removed") change.ids.forEach((id) => this.remove(id));
    this.draw();
  }

  private add(items: readonly Item[]): void {
    for (const item of items) {
      if (this.views.has(item.id)) this.change(item);
      else this.element.append(this.view(item).element);
      this.say(item);
    }
  }

  private change(item: Item): void {
    const view = this.views.get(item.id);
    if (!view) return;
    this.items.set(item.id, item);
    view.update(item);
    this.say(item);
  }

  private grow(id: string, text: string): void {
    const view = this.views.get(id);
    if (!view?.append) return;
    view.append(text);
    this.growing.add(view);
  }

  private remove(id: string): void {
    this.views.get(id)?.element.remove();
    this.views.delete(id);
    this.items.delete(id);
  }

  private say(item: Item): void {
    const words = this.views.get(item.id)?.said?.(item);
    if (words) this.listener.said(words);
  }

  private view(item: Item): ItemView {
    const made = viewOf(item, this.speaker) as ItemView;
    this.views.set(item.id, made);
    this.items.set(item.id, item);
    return made;
  }
}

function viewOf(item: Item, speaker: string): unknown {
  switch (item.kind) {
    case "prompt":
      return promptView(item);
    case "answer":
      return new AnswerView(item, speaker);
    case "reasoning":
      return reasoningView(item);
    case "tool":
      return toolView(item);
    case "approval":
      return approvalView(item);
    case "note":
      return noteView(item);
  }
}

/** What the model said. */
import type { AnswerItem } from "../../src/sessions/items";
import { element } from "../dom";
import { addCodeHeads } from "../markdown/code";
import { StreamedMarkdown } from "../markdown/stream";
import { itemActions } from "./actions";
import type { ItemView } from "./view";

/** Shows an answer, finished or growing. */
export class AnswerView implements ItemView<AnswerItem> {
  readonly element: HTMLElement;
  private text: string;
  private streaming: boolean;
  private markdown = new StreamedMarkdown(addCodeHeads);

  constructor(item: AnswerItem, speaker: string) {
    const actions = itemActions({ text: () => this.text, fork: { itemId: item.id, before: false } });
    const head = element("header", {}, element("h2", {}, speaker), actions);
    this.element = element("article", { class: "item answer", "data-item": item.id }, head, this.markdown.element);
    [this.text, this.streaming] = [item.text, item.streaming];
    if (item.streaming) this.restart(item.text);
    else this.markdown.finish(item.text);
    this.mark(item);
  }

  update(item: AnswerItem): void {
    const ended = this.streaming && !item.streaming;
    const other = item.text !== this.text;
    [this.text, this.streaming] = [item.text, item.streaming];
    if (item.streaming && other) this.restart(item.text);
    else if (ended || other) this.markdown.finish(item.text);
    this.mark(item);
  }

  append(text: string): void {
    this.text += text;
    this.markdown.append(text);
  }

  draw(): void {
    if (this.streaming) this.markdown.draw();
  }

  said(item: AnswerItem): string {
    return item.streaming ? "" : item.text;
  }

  private restart(text: string): void {
    const anew = new StreamedMarkdown(addCodeHeads);
    this.markdown.element.replaceWith(anew.element);
    this.markdown = anew;
    anew.append(text);
    anew.draw();
  }

  private mark(item: AnswerItem): void {
    this.element.classList.toggle("streaming", item.streaming);
  }
}

/** What a model says and thinks, as it streams. */
import type { SessionEventParams } from "meerkat-rpc-client";
import { TurnText } from "meerkat-rpc-client";

import type { ItemList, Place } from "./item-list";
import { base } from "./item-list";
import type { AnswerItem, ReasoningItem } from "./items";

/** One model call's thought and answer after the other. */
export class Speech {
  private text = new TurnText("text");
  private reasoning = new TurnText("reasoning");
  private answer: AnswerItem | undefined;
  private thought: ReasoningItem | undefined;

  constructor(private readonly list: ItemList) {}

  /** Take an event, of any type. Folded deltas say only with the next complete text what they stand for. */
  take(params: SessionEventParams, at: Place): void {
    const { event } = params;
    this.think(this.reasoning.added(params), at);
    if (event.type === "reasoning_complete") {
      this.endThought(at, event.content);
    }
    this.say(this.text.added(params), at);
    if (event.type === "text_complete") {
      this.endAnswer(event.content, at);
    }
  }

  /** The call is over: what it left open was cut short. */
  endCall(at: Place): void {
    this.endThought(at);
    if (this.answer !== undefined) {
      this.list.change(this.answer, { streaming: false, partial: true });
    }
    this.forget();
  }

  /** Other items than before. */
  forget(): void {
    this.answer = undefined;
    this.thought = undefined;
    this.text = new TurnText("text");
    this.reasoning = new TurnText("reasoning");
  }

  private think(text: string, at: Place): void {
    if (text !== "") {
      this.thought ??= this.list.add(reasoningItem(at));
      this.grow(this.thought, text);
    }
  }

  private say(text: string, at: Place): void {
    if (text !== "") {
      this.endThought(at);
      this.answer ??= this.list.add(answerItem(at));
      this.grow(this.answer, text);
    }
  }

  private grow(item: AnswerItem | ReasoningItem, text: string): void {
    item.text += text;
    this.list.changes.text(item, text);
  }

  private endThought(at: Place, content?: string): void {
    if (content !== undefined) {
      this.thought ??= this.list.add(reasoningItem(at));
    }
    const { thought } = this;
    if (thought !== undefined) {
      const durationMs = at.timestamp - thought.timestamp;
      this.list.change(thought, { streaming: false, text: content ?? thought.text, durationMs });
    }
    this.thought = undefined;
  }

  private endAnswer(content: string, at: Place): void {
    if (content !== "") {
      this.answer ??= this.list.add(answerItem(at));
      this.list.change(this.answer, { text: content, streaming: false });
    }
    this.answer = undefined;
  }
}

function answerItem(at: Place): AnswerItem {
  return { ...base(`answer-${at.seq}`, at), kind: "answer", text: "", streaming: true, partial: false };
}

function reasoningItem(at: Place): ReasoningItem {
  return { ...base(`reasoning-${at.seq}`, at), kind: "reasoning", text: "", streaming: true };
}

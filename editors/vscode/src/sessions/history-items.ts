/** Items out of a page of a session's messages. */
import type { Message, ToolCall } from "meerkat-rpc-client";

import type { Item, ToolItem } from "./items";

/** Results whose calls are on an older page, by `callKey`. */
export type OrphanResults = Map<string, Message>;

/** Calls are named per turn. */
export function callKey(turnId: string, callId: string): string {
  return `${turnId}/${callId}`;
}

/** The items of a page whose first message has the index `offset`. Results without a call are put into `orphans`. */
export function itemsOf(messages: readonly Message[], offset: number, orphans: OrphanResults): Item[] {
  const items: Item[] = [];
  const calls = new Map<string, ToolItem>();
  messages.forEach((message, place) => {
    if (message.role === "tool") {
      takeResult(message, calls, orphans);
      return;
    }
    for (const item of itemsOfMessage(message, offset + place)) {
      items.push(item);
      if (item.kind === "tool") {
        calls.set(callKey(item.turnId, item.callId), item);
      }
    }
  });
  for (const [key, item] of calls) {
    const result = orphans.get(key);
    if (result !== undefined) {
      finish(item, result);
      orphans.delete(key);
    }
  }
  return items;
}

function takeResult(message: Message, calls: Map<string, ToolItem>, orphans: OrphanResults): void {
  const key = callKey(message.turn_id, message.tool_result?.id ?? "");
  const item = calls.get(key);
  if (item === undefined) {
    orphans.set(key, message);
  } else {
    finish(item, message);
  }
}

function finish(item: ToolItem, { content, tool_result }: Message): void {
  item.state = tool_result?.is_error === true ? "failed" : "done";
  item.result = content;
}

function itemsOfMessage(message: Message, index: number): Item[] {
  const base = { turnId: message.turn_id, timestamp: message.timestamp_ms };
  const id = `message-${index}`;
  if (message.role === "user") {
    const origin = message.kind ?? "prompt";
    return [{ ...base, id, kind: "prompt", origin, text: message.content, attachments: message.attachments ?? [] }];
  }
  const items: Item[] = [];
  if (message.reasoning !== undefined) {
    items.push({ ...base, id: `${id}-reasoning`, kind: "reasoning", text: message.reasoning, streaming: false });
  }
  const partial = message.partial === true;
  if (message.content !== "" || partial) {
    items.push({ ...base, id, kind: "answer", text: message.content, streaming: false, partial });
  }
  items.push(...(message.tool_calls ?? []).map((call) => toolItem(call, base, id)));
  if (partial) {
    items.push({ ...base, id: `${id}-end`, kind: "note", tone: "info", text: "Interrupted" });
  }
  return items;
}

/** Until its result is found, a call counts as one that never came to an end. */
function toolItem(call: ToolCall, base: { turnId: string; timestamp: number }, id: string): ToolItem {
  const { name, args } = call;
  return { ...base, id: `${id}-tool-${call.id}`, kind: "tool", callId: call.id, name, args, state: "interrupted" };
}

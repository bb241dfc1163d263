/** The tools that a turn calls. */
import type { Event } from "meerkat-rpc-client";

import { callKey } from "./history-items";
import type { ItemList, Place } from "./item-list";
import { base } from "./item-list";
import type { Item, ToolItem } from "./items";

/** Calls that haven't come to an end. */
export class ToolCalls {
  private readonly open = new Map<string, ToolItem>();

  constructor(private readonly list: ItemList) {}

  /** Begin anew: the calls of the turn that runs may yet come to an end. */
  reset(items: readonly Item[], runningTurnId: string | undefined): void {
    this.open.clear();
    for (const item of items) {
      if (item.kind === "tool" && item.state === "interrupted" && item.turnId === runningTurnId) {
        item.state = "running";
        this.open.set(callKey(item.turnId, item.callId), item);
      }
    }
  }

  /** Take an event, of any type. */
  take(event: Event, at: Place): void {
    if (event.type === "tool_call_requested") {
      this.begin(event.id, event, at);
      return;
    }
    const item = "id" in event ? this.open.get(callKey(at.turnId, event.id)) : undefined;
    const news = item && newsOf(event, item);
    if (item !== undefined && news !== undefined) {
      this.list.change(item, news);
    }
  }

  /** The turn is over: what has no result by now won't get one. */
  endTurn(completed: boolean): void {
    for (const item of this.open.values()) {
      if (isOpen(item)) {
        this.list.change(item, { state: completed ? "done" : "interrupted" });
      }
    }
    this.open.clear();
  }

  private begin(callId: string, { name, args }: Pick<ToolItem, "name" | "args">, at: Place): void {
    const place = base(`tool-${at.seq}`, at);
    const item: ToolItem = { ...place, kind: "tool", callId, name, args, state: "requested" };
    this.open.set(callKey(at.turnId, callId), this.list.add(item));
  }
}

/** What an event tells of a call. */
function newsOf(event: Event, item: ToolItem): Partial<ToolItem> | undefined {
  switch (event.type) {
    case "tool_execution_started":
      return { state: "running" };
    case "tool_execution_completed": {
      const { result, is_error: failed, duration_ms: durationMs } = event;
      return { state: failed ? "failed" : "done", result, durationMs };
    }
    case "tool_execution_timed_out":
      return { state: "timed_out", durationMs: event.timeout_ms };
    case "tool_result_received":
      return isOpen(item) ? { state: event.is_error ? "failed" : "done" } : undefined;
    default:
      return undefined;
  }
}

function isOpen({ state }: ToolItem): boolean {
  return state === "requested" || state === "running";
}

/** Where a copy of a session ends. */
import type { Client, Message } from "meerkat-rpc-client";

import type { Item } from "./items";

/** Messages to look through at a time. */
const PAGE_MESSAGES = 200;

/** A turn's messages lie together; this is where, as indices of the history. */
interface Extent {
  readonly first: number;
  readonly end: number;
}

/**
 * How many messages a copy has that ends before this prompt, or with the turn of any other item. Undefined when the
 * history doesn't have them (yet).
 */
export async function forkIndex(client: Client, sessionId: string, item: Item): Promise<number | undefined> {
  const extent = await extentOf(client, sessionId, item.turnId);
  return item.kind === "prompt" && item.origin === "prompt" ? extent?.first : extent?.end;
}

/** How many messages a session has. */
export async function messageCount(client: Client, sessionId: string): Promise<number> {
  return (await client.request("session/read", { session_id: sessionId })).message_count;
}

/** Look from the end, page by page: people fork from what they see. */
async function extentOf(client: Client, sessionId: string, turnId: string): Promise<Extent | undefined> {
  let found: Extent | undefined;
  let before: number | undefined;
  while (before !== 0) {
    const where = before === undefined ? { latest: true } : { before };
    const page = await client.request("session/history", { session_id: sessionId, limit: PAGE_MESSAGES, ...where });
    found = joined(extentIn(page.messages, page.offset, turnId), found);
    if (found !== undefined && found.first > page.offset) {
      return found;
    }
    before = page.offset;
  }
  return found;
}

function extentIn(messages: readonly Message[], offset: number, turnId: string): Extent | undefined {
  const first = messages.findIndex((message) => message.turn_id === turnId);
  if (first < 0) {
    return undefined;
  }
  const last = messages.findLastIndex((message) => message.turn_id === turnId);
  return { first: offset + first, end: offset + last + 1 };
}

function joined(earlier: Extent | undefined, later: Extent | undefined): Extent | undefined {
  return earlier === undefined ? later : { first: earlier.first, end: later?.end ?? earlier.end };
}

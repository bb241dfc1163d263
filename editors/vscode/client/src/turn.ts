/** One turn, from its prompt to its last event. */
import type { Client } from "./client.js";
import type { Event, PromptBlock, SessionEventParams, TurnStartParams, Uuid } from "./contract.js";
import { isServerError } from "./errors.js";
import { SessionFeed } from "./feed.js";
import { newId } from "./ids.js";

/** What to run. */
export interface TurnRequest {
  readonly sessionId: Uuid;
  readonly prompt: string | PromptBlock[];
  /** The turn's own id, by which a repeat is known; a new one by default. */
  readonly turnId?: Uuid;
  /** Aborting it interrupts the turn; its last event still comes. */
  readonly signal?: AbortSignal;
}

/** Whether an event is its turn's last. */
export function isTerminal(event: Event): boolean {
  return event.type === "run_completed" || event.type === "run_failed";
}

/** Run a turn of a session and give its events as they come. It goes on over crashes of the server. */
export async function* runTurn(client: Client, request: TurnRequest): AsyncGenerator<SessionEventParams, void> {
  const { sessionId, prompt, turnId = newId(), signal } = request;
  const feed = new SessionFeed(client, sessionId);
  const queue = new EventQueue(feed, turnId);
  const interrupt = (): void => {
    client.request("turn/interrupt", { session_id: sessionId, turn_id: turnId }).catch(() => undefined);
  };
  try {
    await feed.open(1);
    await startTurn(client, { session_id: sessionId, prompt, turn_id: turnId });
    signal?.addEventListener("abort", interrupt, { once: true });
    if (signal?.aborted === true) {
      interrupt();
    }
    yield* queue;
  } finally {
    signal?.removeEventListener("abort", interrupt);
    feed.dispose();
  }
}

/** Start a turn, or have it started: a repeat after a crash is told that it was interrupted, as its events tell too. */
export async function startTurn(client: Client, turn: TurnStartParams & { readonly turn_id: Uuid }): Promise<void> {
  try {
    await client.request("turn/start", { ...turn, wait: false });
  } catch (error) {
    if (!isServerError(error, "TURN_CANCELLED") || error.data.turn_id !== turn.turn_id) {
      throw error;
    }
  }
}

/** A feed's events of one turn, to be iterated over until its last. */
class EventQueue {
  private events: SessionEventParams[] = [];
  private wake: (() => void) | undefined;
  private ending: string | undefined;

  constructor(feed: SessionFeed, turnId: Uuid) {
    feed.onEvents((events) => {
      this.events.push(...events.filter((event) => event.turn_id === turnId));
      this.wake?.();
    });
    feed.onEnd((reason) => {
      this.ending = reason;
      this.wake?.();
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SessionEventParams, void> {
    for (;;) {
      const events = this.events;
      this.events = [];
      for (const event of events) {
        yield event;
        if (isTerminal(event.event)) {
          return;
        }
      }
      if (this.ending !== undefined) {
        throw new Error(`the session can't be followed any more: ${this.ending}`);
      }
      await this.next();
    }
  }

  private async next(): Promise<void> {
    if (this.events.length === 0 && this.ending === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

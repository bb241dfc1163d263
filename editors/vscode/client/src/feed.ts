/** A session as it is read and followed: its last messages, then every event behind them. */
import type { Disposable, Event } from "vscode-jsonrpc/node";
import { Emitter } from "vscode-jsonrpc/node";

import type { Client } from "./client.js";
import type { SessionEventParams, SessionHistoryResult, StreamEndParams, StreamEventParams, Uuid } from "./contract.js";
import { messageOf } from "./errors.js";

/** Events are handed on once a frame: a fast model sends thousands a second. */
const FRAME_MS = 16;

/** How many messages a page has by default. */
const PAGE_MESSAGES = 50;

/**
 * Follows one session. Events come in order, each once, over restarts of the server too: what was missed is replayed.
 *
 * A turn that another process runs is followed as well. `DeltasFolded` may stand for events of which some have been seen;
 * TurnText reads it.
 */
export class SessionFeed {
  /** The last event that was handed on, or is about to be; 0 before the first. */
  lastSeq = 0;
  private readonly events = new Emitter<readonly SessionEventParams[]>();
  private readonly end = new Emitter<string>();
  /** As many events as came together, at most one call a frame. */
  readonly onEvents: Event<readonly SessionEventParams[]> = this.events.event;
  /** The stream has ended for good: the session was deleted, or can't be read. */
  readonly onEnd: Event<string> = this.end.event;

  private streamId: string | undefined;
  private following = false;
  /** Openings and closings happen one after the other. */
  private turnstile: Promise<unknown> = Promise.resolve();
  private early: StreamEventParams[] = [];
  private arrived: SessionEventParams[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastFlush = 0;
  private readonly subscriptions: Disposable[];

  constructor(
    private readonly client: Client,
    readonly sessionId: Uuid,
  ) {
    this.subscriptions = [
      client.onNotification("session/stream_event", (params) => this.came(params)),
      client.onNotification("session/stream_end", (params) => this.ended(params)),
      client.onDidChangeStatus(({ kind }) => {
        if (kind === "ready") {
          this.resume();
        }
      }),
    ];
  }

  /** Read the last page of messages, and hand on the events behind them from now on. Repeating it reads both anew. */
  open(limit: number = PAGE_MESSAGES): Promise<SessionHistoryResult> {
    return this.inTurn(async () => {
      const params = { session_id: this.sessionId, latest: true, limit };
      const page = await this.client.request("session/history", params);
      await this.closeStream();
      this.lastSeq = page.next_seq - 1;
      await this.openStream();
      return page;
    });
  }

  /** Hand on events from `fromSeq` on, without reading messages. */
  follow(fromSeq: number): Promise<void> {
    return this.inTurn(async () => {
      await this.closeStream();
      this.lastSeq = fromSeq - 1;
      await this.openStream();
    });
  }

  /** The page of messages that ends before the one with this index. */
  older(before: number, limit: number = PAGE_MESSAGES): Promise<SessionHistoryResult> {
    return this.client.request("session/history", { session_id: this.sessionId, before, limit });
  }

  /** Whether events are being followed. */
  get isOpen(): boolean {
    return this.following;
  }

  /** Stop following; `open` or `follow` go on. */
  close(): Promise<void> {
    return this.inTurn(() => this.closeStream());
  }

  /** Stop for good. */
  dispose(): void {
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.close().catch(() => undefined); // without a server there is no stream either
    clearTimeout(this.timer);
    this.events.dispose();
    this.end.dispose();
  }

  private inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.turnstile.then(action);
    this.turnstile = result.catch(() => undefined);
    return result;
  }

  private async openStream(): Promise<void> {
    this.following = true;
    const params = { session_id: this.sessionId, from_seq: this.lastSeq + 1 };
    try {
      this.streamId = (await this.client.request("session/stream_open", params)).stream_id;
    } catch (error) {
      this.following = false;
      throw error;
    } finally {
      this.takeEarly();
    }
  }

  private async closeStream(): Promise<void> {
    const streamId = this.streamId;
    this.streamId = undefined;
    this.following = false;
    this.flush();
    if (streamId !== undefined && this.client.status.kind === "ready") {
      await this.client.request("session/stream_close", { stream_id: streamId });
    }
  }

  /** Another server has taken the old one's place: its streams are gone. */
  private resume(): void {
    if (this.following) {
      this.streamId = undefined;
      this.inTurn(async () => {
        if (this.streamId === undefined && this.following) {
          await this.openStream();
        }
      }).catch((error: unknown) => {
        this.end.fire(messageOf(error));
      });
    }
  }

  private came(event: StreamEventParams): void {
    if (event.session_id !== this.sessionId || !this.following) {
      return;
    }
    if (this.streamId === undefined) {
      this.early.push(event);
    } else if (event.stream_id === this.streamId && event.seq > this.lastSeq) {
      this.take(event);
    }
  }

  /** Events that came before the answer which says whose they are: there may be another stream of the session. */
  private takeEarly(): void {
    const early = this.early;
    this.early = [];
    for (const event of early) {
      this.came(event);
    }
  }

  private take(event: SessionEventParams): void {
    this.lastSeq = event.seq;
    this.arrived.push(event);
    if (this.timer === undefined) {
      const wait = Math.max(0, this.lastFlush + FRAME_MS - performance.now());
      this.timer = setTimeout(() => this.flush(), wait);
    }
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lastFlush = performance.now();
    const events = this.arrived;
    this.arrived = [];
    if (events.length > 0) {
      this.events.fire(events);
    }
  }

  private ended({ stream_id, reason }: StreamEndParams): void {
    if (stream_id === this.streamId) {
      this.streamId = undefined;
      this.following = false;
      this.flush();
      this.end.fire(reason);
    }
  }
}

/** Reads a session and follows it. */
import type { SessionEventParams } from "meerkat-rpc-client";
import { isServerError, SessionFeed } from "meerkat-rpc-client";

import type { SessionData } from "./session-data";
import { outcomeOf, viewState } from "./state";
import type { Surroundings } from "./surroundings";

/** Messages of a page: more than a screen, and drawn at once. */
const PAGE_MESSAGES = 50;

/** One session's pages and events, on their way into its data. */
export class SessionReader {
  private readonly feed: SessionFeed;
  /** Whether the items are those of the store, and followed. */
  private loaded = false;
  private loading: Promise<void> | undefined;
  private olderLoading: Promise<void> | undefined;
  private offset = 0;
  private refreshing: Promise<void> | undefined;
  private refreshAgain = false;
  /** Events up to this one have been reported: reading anew doesn't report them again. */
  private reportedSeq = 0;

  constructor(
    private readonly id: string,
    private readonly data: SessionData,
    private readonly around: Surroundings,
    private readonly isShown: () => boolean,
  ) {
    this.feed = new SessionFeed(around.client, id);
    this.feed.onEvents((events) => {
      this.take(events);
    });
    this.feed.onEnd((reason) => {
      this.lost(reason);
    });
  }

  /** Read the last page and follow, unless that is done already. */
  load(): Promise<void> {
    if (!this.loaded && this.data.state.exists) {
      this.loading ??= this.firstPage().finally(() => {
        this.loading = undefined;
        this.data.set({ loading: false });
      });
    }
    return this.loading ?? Promise.resolve();
  }

  /** Put the page before the first item in front of it. */
  loadOlder(): Promise<void> {
    if (this.loaded && this.offset > 0) {
      this.olderLoading ??= this.olderPage().finally(() => {
        this.olderLoading = undefined;
      });
    }
    return this.olderLoading ?? Promise.resolve();
  }

  /** Read what is known of it beside its items; once more, if that is asked for meanwhile. */
  async refresh(): Promise<void> {
    this.refreshAgain = true;
    this.refreshing ??= this.data
      .quietly(() => this.readViews())
      .finally(() => {
        this.refreshing = undefined;
      });
    await this.refreshing;
  }

  /** It was changed, perhaps by another program. */
  storeChanged(): void {
    if (this.loaded) {
      void this.refresh();
    }
  }

  /** Where nobody looks and nothing runs there is nothing to follow. */
  rest(): void {
    if (this.loaded && !this.isShown() && !this.data.state.busy) {
      this.loaded = false;
      void this.data.quietly(() => this.feed.close());
    }
  }

  dispose(): void {
    this.feed.dispose();
  }

  // -- Reading

  private async firstPage(): Promise<void> {
    this.data.set({ loading: true });
    try {
      const page = await this.feed.open(PAGE_MESSAGES);
      this.loaded = true;
      this.offset = page.offset;
      this.data.transcript.reset(page.messages, page.offset, page.running_turn_id);
      const running = page.running_turn_id ?? null;
      this.data.set({ loading: false, busy: running !== null, runningTurnId: running, hasOlder: page.offset > 0 });
    } catch (error) {
      if (isServerError(error, "SESSION_NOT_FOUND")) {
        this.around.gone(this.id);
      }
      throw error;
    }
    await this.readView(true);
    await this.readApprovals();
    this.rest();
  }

  private async olderPage(): Promise<void> {
    const page = await this.feed.older(this.offset, PAGE_MESSAGES);
    this.offset = page.offset;
    this.data.transcript.prepend(page.messages, page.offset);
    this.data.set({ hasOlder: page.offset > 0 });
  }

  private async readViews(): Promise<void> {
    while (this.refreshAgain) {
      this.refreshAgain = false;
      await this.readView();
    }
  }

  private async readView(isFirst = false): Promise<void> {
    const view = await this.around.client.request("session/read", { session_id: this.id });
    const error = view.last_turn?.error;
    if (isFirst && error !== undefined && view.last_turn?.outcome === "failed" && !this.data.state.busy) {
      const at = { turnId: view.last_turn.turn_id, seq: 0, timestamp: view.updated_at * 1000 };
      this.data.transcript.note({ tone: "error", text: error.message }, at);
    }
    this.data.set(viewState(view, this.around.defaultModel()));
    if (!this.loaded) {
      this.data.set({ busy: view.state === "running", runningTurnId: view.running_turn_id ?? null });
    }
  }

  private async readApprovals(): Promise<void> {
    const { approvals } = await this.around.client.request("approval/list", { session_id: this.id });
    for (const approval of approvals) {
      this.data.transcript.knowApproval(approval);
    }
    this.countApprovals();
  }

  private countApprovals(): void {
    this.data.set({ needsYou: this.data.transcript.openApprovals.length > 0 });
  }

  // -- Following

  private take(events: readonly SessionEventParams[]): void {
    for (const event of events) {
      this.data.transcript.apply(event);
      this.react(event);
      if (event.seq > this.reportedSeq) {
        this.reportedSeq = event.seq;
        this.report(event);
      }
    }
    this.countApprovals();
    this.rest();
  }

  private react({ event, turn_id: turnId }: SessionEventParams): void {
    switch (event.type) {
      case "run_started":
        this.data.set({ busy: true, runningTurnId: turnId });
        void this.refresh();
        break;
      case "run_completed":
      case "run_failed":
        this.data.set({ busy: false, runningTurnId: null });
        void this.refresh();
        break;
      case "approval_requested":
        void this.data.quietly(() => this.readApprovals());
        break;
      case "steered":
        void this.refresh();
        break;
      default:
    }
  }

  private report({ event, turn_id: turnId }: SessionEventParams): void {
    const { happened } = this.around;
    const sessionId = this.id;
    switch (event.type) {
      case "run_started":
        happened({ kind: "turn started", sessionId, turnId });
        break;
      case "run_completed":
      case "run_failed":
        happened({ kind: "turn ended", sessionId, turnId, outcome: outcomeOf(event) });
        break;
      case "approval_requested":
        happened({ kind: "approval requested", sessionId, approvalId: event.approval_id, summary: event.summary });
        break;
      case "approval_resolved":
        happened({ kind: "approval resolved", sessionId, approvalId: event.approval_id, choice: event.choice });
        break;
      default:
    }
  }

  private lost(reason: string): void {
    this.loaded = false;
    this.data.set({ busy: false, runningTurnId: null, problem: this.around.problemOf(new Error(reason)) });
  }
}

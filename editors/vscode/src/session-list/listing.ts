/** The sessions in the store, as lists show them. */
import type { Client, SessionSummary } from "meerkat-rpc-client";
import type { Disposable } from "vscode";
import { EventEmitter } from "vscode";

/** Rows of one page; more come when somebody asks for them. */
export const PAGE_SESSIONS = 100;

/** Changes that come one after the other are one. */
const SETTLE_MS = 150;

/** Which sessions. */
export interface Filter {
  /** Only those that work in this folder; null: wherever. */
  readonly cwd: string | null;
  readonly archived: boolean;
}

/** A row, and whether a question waits there. */
export interface Row {
  readonly session: SessionSummary;
  readonly needsYou: boolean;
}

/** Rows, and how many there are in all. */
export interface Page {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** Reads lists and tells when they are out of date. */
export class SessionListing implements Disposable {
  private readonly changed = new EventEmitter<void>();
  /** Lists that were read may have changed. */
  readonly onDidChange = this.changed.event;
  private readonly subscriptions: readonly Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Client,
    onStoreChanged: (sessionIds: readonly string[] | undefined) => void,
  ) {
    this.subscriptions = [
      client.onNotification("sessions/changed", ({ session_ids: ids }) => {
        onStoreChanged(ids);
        this.outdated();
      }),
      client.onDidChangeStatus(({ kind }) => {
        if (kind === "ready") {
          this.outdated();
        }
      }),
    ];
  }

  /** Something happened that lists may show. */
  outdated(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire();
    }, SETTLE_MS);
  }

  /** The first rows, the newest first. */
  async read(filter: Filter, limit: number = PAGE_SESSIONS): Promise<Page> {
    const [list, waiting] = await Promise.all([
      this.client.request("session/list", { ...filter, limit }),
      this.client.request("approval/list", {}),
    ]);
    const needing = new Set(waiting.approvals.map(({ session_id }) => session_id));
    const rows = list.sessions.map((session) => ({ session, needsYou: needing.has(session.session_id) }));
    return { rows, total: list.total };
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) {
      subscription.dispose();
    }
    this.changed.dispose();
  }
}

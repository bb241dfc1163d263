/** A session's items and state, and how changes of them are told. */
import { EventEmitter } from "vscode";

import type { SessionChange, SessionState } from "./items";
import type { Surroundings } from "./surroundings";
import { Transcript } from "./transcript";

/** What is known of one session. Whoever reads or writes the session changes it here. */
export class SessionData {
  readonly transcript = new Transcript();
  private readonly changed = new EventEmitter<readonly SessionChange[]>();
  readonly onDidChange = this.changed.event;

  constructor(
    public state: SessionState,
    private readonly around: Surroundings,
  ) {}

  /** Change the state and tell everything that has changed. */
  set(patch: Partial<SessionState>): void {
    const names = Object.keys(patch) as (keyof SessionState)[];
    if (names.some((name) => this.state[name] !== patch[name])) {
      this.state = { ...this.state, ...patch };
      this.transcript.changes.state();
    }
    this.tell();
  }

  tell(): void {
    if (!this.transcript.changes.isEmpty) {
      this.changed.fire(this.transcript.take());
    }
  }

  /** Do what somebody asked for. What goes wrong is shown until something goes well. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work();
      this.set({ problem: null });
      return result;
    } catch (error) {
      this.set({ problem: this.around.problemOf(error) });
      return undefined;
    }
  }

  /** Do what nobody asked for. What goes wrong is for the log. */
  async quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.around.failedQuietly(error);
    }
  }

  dispose(): void {
    this.changed.dispose();
  }
}

/** Tells people who look elsewhere that a turn has ended or waits for them. */
import type { Disposable } from "vscode";
import { commands, window } from "vscode";

import type { ServerConnection } from "./server/connection";
import type { ChatSurface } from "./sessions/interface";
import type { OpenSessions } from "./sessions/open-sessions";
import type { Happening } from "./sessions/surroundings";
import { notifies } from "./settings";

const SHOW = "Show";
const SHOW_LOG = "Show Log";

/** Where it is told: the editor's notifications, which never take the focus. */
export class Attention implements Disposable {
  private readonly subscription: Disposable;

  constructor(
    private readonly sessions: OpenSessions,
    private readonly chat: ChatSurface,
    server: ServerConnection,
  ) {
    this.subscription = server.onDidCrash(({ reason }) => {
      void this.crashed(reason);
    });
  }

  /** Something happened in a session that is followed. */
  happened(happening: Happening): void {
    if (!notifies() || this.isSeen(happening.sessionId)) {
      return;
    }
    const title = this.titleOf(happening.sessionId);
    if (happening.kind === "approval requested") {
      void this.tell(`${title} needs you: ${happening.summary}`, happening.sessionId);
    } else if (happening.kind === "turn ended" && happening.outcome !== "interrupted") {
      const what = happening.outcome === "completed" ? "has finished" : "has failed";
      void this.tell(`${title} ${what}.`, happening.sessionId);
    }
  }

  dispose(): void {
    this.subscription.dispose();
  }

  private isSeen(sessionId: string): boolean {
    return window.state.focused && this.chat.visible && this.sessions.current.id === sessionId;
  }

  private titleOf(sessionId: string): string {
    const { title } = this.sessions.session(sessionId).state;
    return title === "" ? "A session" : `“${title}”`;
  }

  private async tell(message: string, sessionId: string): Promise<void> {
    if ((await window.showInformationMessage(message, SHOW)) === SHOW) {
      await commands.executeCommand("meerkat.open", sessionId);
      this.chat.revealApproval();
    }
  }

  /** Who sees the chat reads it there. */
  private async crashed(reason: string): Promise<void> {
    if (!this.chat.visible) {
      const message = `Meerkat's server is gone: ${reason}. It is being started again.`;
      if ((await window.showWarningMessage(message, SHOW_LOG)) === SHOW_LOG) {
        await commands.executeCommand("meerkat.log");
      }
    }
  }
}

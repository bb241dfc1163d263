/** One small item in the status bar: what the sessions do. */
import type { Disposable, StatusBarItem } from "vscode";
import { commands, StatusBarAlignment, ThemeColor, window } from "vscode";

import type { ConnectionState } from "./sessions/interface";
import type { OpenSessions } from "./sessions/open-sessions";

/** To the right of the language's own items, which have 100 and more. */
const PRIORITY = 90;

type Activity = "idle" | "busy" | "needs you" | "offline";

const ICONS: Readonly<Record<Activity, string>> = {
  idle: "comment-discussion",
  busy: "sync~spin",
  "needs you": "bell-dot",
  offline: "debug-disconnect",
};

/** Shows the most urgent of what goes on, and keeps the context keys that commands and keys depend on. */
export class StatusItem implements Disposable {
  private readonly item: StatusBarItem;
  private shown: Activity | undefined;

  constructor(private readonly sessions: OpenSessions) {
    this.item = window.createStatusBarItem("meerkat.status", StatusBarAlignment.Right, PRIORITY);
    this.item.name = "Meerkat";
    this.item.command = "meerkat.open";
    this.item.show();
  }

  /** Something may have changed. */
  update(connection: ConnectionState): void {
    const activity = this.activity(connection);
    if (activity !== this.shown) {
      this.shown = activity;
      this.item.text = `$(${ICONS[activity]}) Meerkat: ${activity}`;
      this.item.tooltip = connection.problem?.message ?? `Meerkat: ${activity}. Click to open the chat.`;
      this.item.accessibilityInformation = { label: `Meerkat: ${activity}` };
      this.item.backgroundColor =
        activity === "needs you" ? new ThemeColor("statusBarItem.warningBackground") : undefined;
      this.tellContext(activity);
    }
  }

  dispose(): void {
    this.item.dispose();
  }

  private activity({ kind }: ConnectionState): Activity {
    if (kind === "offline" || kind === "restarting") {
      return "offline";
    }
    const states = [...this.sessions.all].map(({ state }) => state);
    if (states.some(({ needsYou }) => needsYou)) {
      return "needs you";
    }
    return states.some(({ busy }) => busy) ? "busy" : "idle";
  }

  private tellContext(activity: Activity): void {
    void commands.executeCommand("setContext", "meerkat.busy", activity === "busy" || activity === "needs you");
    void commands.executeCommand("setContext", "meerkat.needsYou", activity === "needs you");
  }
}

/** Answering questions from anywhere: keys and the palette. */
import type { PendingApproval } from "meerkat-rpc-client";
import { window } from "vscode";

import type { Commands, Parts } from "./context";
import { tryTo } from "./context";

/** How long an answer holds. */
type Remember = "once" | "session" | "always";

/** Approve and deny. */
export function approvalCommands(parts: Parts): Commands {
  return {
    "meerkat.approve": (remember: Remember = "once") => answer(parts, "allow", remember),
    "meerkat.deny": () => answer(parts, "deny", "once"),
    // For buttons in the editor's own chat: which question, and what was answered.
    "meerkat.respond": (approvalId: string, choice: string) =>
      tryTo(() => parts.server.client.request("approval/respond", { approval_id: approvalId, choice })),
  };
}

/** Answer the question that waits longest: one of the current session's, if there is any. */
async function answer({ sessions, server }: Parts, choice: string, remember: Remember): Promise<void> {
  await tryTo(async () => {
    const { approvals } = await server.client.request("approval/list", {});
    const approval = approvals.find(({ session_id }) => session_id === sessions.current.id) ?? approvals[0];
    if (approval === undefined) {
      void window.showInformationMessage("Nothing waits for an answer.");
      return;
    }
    const chosen = await choose(approval, choice);
    if (chosen !== undefined) {
      const params = { approval_id: approval.approval_id, choice: chosen, remember };
      await server.client.request("approval/respond", params);
    }
  });
}

/** Questions that are no matter of allowing have choices of their own. */
async function choose({ choices, summary }: PendingApproval, choice: string): Promise<string | undefined> {
  return choices.includes(choice) ? choice : window.showQuickPick(choices, { placeHolder: summary });
}

/** What the commands work on. */
import { messageOf } from "meerkat-rpc-client";
import { window } from "vscode";

import type { ServerConnection } from "../server/connection";
import type { TrafficLog } from "../server/log";
import type { Node } from "../session-list/tree";
import type { SessionListing } from "../session-list/listing";
import type { ChatSurface } from "../sessions/interface";
import type { OpenSessions } from "../sessions/open-sessions";
import type { SessionModel } from "../sessions/session-model";

/** The parts of the extension. */
export interface Parts {
  readonly sessions: OpenSessions;
  readonly server: ServerConnection;
  readonly listing: SessionListing;
  readonly chat: ChatSurface;
  readonly traffic: TrafficLog;
}

/** What a command may be called with: a session's id, a row of the tree, or nothing for the current session. */
export type Target = string | Node | undefined;

/** The commands by their names. */
export type Commands = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The session that a command is about. */
export function sessionOf({ sessions }: Parts, target: Target): SessionModel {
  if (typeof target === "string") {
    return sessions.session(target);
  }
  return target?.kind === "session" ? sessions.session(target.row.session.session_id) : sessions.current;
}

/** Do something for a command; what goes wrong is shown as a notification. Undefined: it did. */
export async function tryTo<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    void window.showErrorMessage(messageOf(error));
    return undefined;
  }
}

/** Whether a session is in the store; says so if it isn't. */
export function isStored(session: SessionModel): boolean {
  if (!session.state.exists) {
    void window.showInformationMessage("Nothing has been said in this session yet.");
  }
  return session.state.exists;
}

/** What other extensions get from `extensions.getExtension("meerkat-rpc.meerkat").activate()`. */
import type { Client } from "meerkat-rpc-client";
import type { Event } from "vscode";
import { EventEmitter } from "vscode";

import type { Crash, ServerConnection } from "./server/connection";
import type { ChatSurface } from "./sessions/interface";
import type { OpenSessions } from "./sessions/open-sessions";
import type { Happening } from "./sessions/surroundings";

/** Version 1 of it: what is here stays, and more may come. */
export interface MeerkatApi {
  readonly version: 1;
  /** Typed requests to the server, which is started by the first. */
  readonly client: Pick<Client, "request" | "onNotification">;
  /** The session that the side bar shows. */
  readonly currentSession: string;
  /** The side bar shows another session. */
  readonly onDidOpenSession: Event<string>;
  /** Turns begin and end, and questions are asked and answered, in sessions that are shown or run here. */
  readonly onDidHappen: Event<Happening>;
  /** The server ended by itself; it is started again. */
  readonly onDidCrash: Event<Crash>;
  /** Show a session in the side bar; without an id, a new one. */
  openSession(sessionId?: string): Promise<void>;
  /** Send a prompt to a session, the current one by default. False: it was refused, and the chat says why. */
  ask(prompt: string, sessionId?: string): Promise<boolean>;
}

/** What happens, for whoever wants to know. */
export class Happenings extends EventEmitter<Happening> {}

/** Make it of the extension's parts. */
export function createApi(
  sessions: OpenSessions,
  server: ServerConnection,
  chat: ChatSurface,
  happenings: Happenings,
): MeerkatApi {
  const opened = new EventEmitter<string>();
  sessions.onDidChangeCurrent(({ id }) => {
    opened.fire(id);
  });
  return {
    version: 1,
    client: server.client,
    get currentSession() {
      return sessions.current.id;
    },
    onDidOpenSession: opened.event,
    onDidHappen: happenings.event,
    onDidCrash: server.onDidCrash,
    openSession: async (sessionId) => {
      if (sessionId === undefined) {
        sessions.openNew();
      } else {
        sessions.open(sessionId);
      }
      await chat.focus();
    },
    ask: (prompt, sessionId) => (sessionId === undefined ? sessions.current : sessions.session(sessionId)).send(prompt),
  };
}

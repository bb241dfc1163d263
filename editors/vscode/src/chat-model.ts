/** What the chat's view sees of the extension. */
import type { Event } from "vscode";

import type { Files } from "./files";
import type { ServerConnection } from "./server/connection";
import type { ChatModel, ConnectionState, Session } from "./sessions/interface";
import type { Memory } from "./sessions/memory";
import type { OpenSessions } from "./sessions/open-sessions";
import { workFolder } from "./settings";

/** The parts of the extension behind the view's interface. */
export class Chatting implements ChatModel {
  readonly onDidChangeCurrent: Event<Session>;
  readonly onDidChangeConnection: Event<ConnectionState>;

  constructor(
    private readonly sessions: OpenSessions,
    private readonly server: ServerConnection,
    private readonly memory: Memory,
    private readonly files: Files,
  ) {
    this.onDidChangeCurrent = sessions.onDidChangeCurrent;
    this.onDidChangeConnection = server.onDidChange;
  }

  get current(): Session {
    return this.sessions.current;
  }

  get connection(): ConnectionState {
    return this.server.state;
  }

  open(sessionId: string): Session {
    return this.sessions.open(sessionId);
  }

  openNew(): Session {
    return this.sessions.openNew();
  }

  session(sessionId: string): Session {
    return this.sessions.session(sessionId);
  }

  async fork(session: Session, itemId: string): Promise<void> {
    const item = session.items.find(({ id }) => id === itemId);
    await this.sessions.fork(this.sessions.session(session.id), item);
  }

  promptHistory(): readonly string[] {
    return this.memory.prompts;
  }

  findFiles(session: Session, typed: string, limit: number): Promise<readonly string[]> {
    return this.files.find(session.state.cwd ?? workFolder(), typed, limit);
  }
}

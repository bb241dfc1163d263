/** What the chat's view needs of the rest of the extension, and the other way round. */
import type { Disposable, Event } from "vscode";

import type { Item, Problem, SessionChange, SessionState } from "./items";

/** A session as somebody shows it. Its methods never throw: what goes wrong becomes `state.problem`. */
export interface Session {
  readonly id: string;
  readonly items: readonly Item[];
  readonly state: SessionState;
  /** Fires at most once a frame, with the changes in order. */
  readonly onDidChange: Event<readonly SessionChange[]>;
  /** Keep it read and followed until the result is disposed of. */
  show(): Disposable;
  /** Put the page before the first item in front of it. */
  loadOlder(): Promise<void>;
  /** Start a turn, or queue one while another runs. False: it was refused, keep the draft. */
  send(prompt: string): Promise<boolean>;
  /** Add to the running turn; start one where none runs. False: it was refused, keep the draft. */
  steer(prompt: string): Promise<boolean>;
  /** Stop the running turn. */
  stop(): Promise<void>;
  /** Take back a prompt that waits. Its text, if it was still waiting. */
  dequeue(turnId: string): Promise<string | undefined>;
  answer(approvalId: string, choice: string, remember: "once" | "session" | "always"): Promise<void>;
  removeReference(id: string): void;
  /** What is typed and not sent; kept over restarts of the editor. Setting it fires nothing: whoever shows it knows. */
  draft: string;
  /** Somebody else than the view put another text into the draft (a command, a fork, a refused prompt). */
  readonly onDidReplaceDraft: Event<string>;
}

/** The server's process as users see it. */
export interface ConnectionState {
  readonly kind: "stopped" | "starting" | "ready" | "restarting" | "offline";
  /** Why it is offline, or said once when it crashed. */
  readonly problem: Problem | null;
}

/** Everything that the view may use. */
export interface ChatModel {
  /** The session that the chat shows. There always is one: a new one until another is picked. */
  readonly current: Session;
  readonly onDidChangeCurrent: Event<Session>;
  readonly connection: ConnectionState;
  readonly onDidChangeConnection: Event<ConnectionState>;
  /** Show another session; no session is created in the store by it. */
  open(sessionId: string): Session;
  openNew(): Session;
  /** A session for a second view (an editor's tab): the same object for the same id. */
  session(sessionId: string): Session;
  /** A new session that has what came before the prompt, or up to and with any other item. It becomes the current one. */
  fork(session: Session, itemId: string): Promise<void>;
  /** Earlier prompts, the newest last. */
  promptHistory(): readonly string[];
  /** Files of the session's folder for `@` completion, the likeliest first, at most `limit`; relative, with `/`. */
  findFiles(session: Session, typed: string, limit: number): Promise<readonly string[]>;
}

/** What the view offers to commands. */
export interface ChatSurface extends Disposable {
  /** Somebody can see the current session (the view or a panel is shown and the window is focused or not). */
  readonly visible: boolean;
  /** Fires with `visible`'s changes. */
  readonly onDidChangeVisible: Event<boolean>;
  /** Show the chat and put the cursor into its prompt. */
  focus(): Promise<void>;
  /** Show a session in an editor's tab of its own. */
  openInEditor(session: Session): void;
  /** Scroll to the question that waits, if any. */
  revealApproval(): void;
}

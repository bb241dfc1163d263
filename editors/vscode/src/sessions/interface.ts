/** The seam between what the extension knows of sessions and what shows them. */
import type {
  Message,
  PendingApproval,
  QueuedTurn,
  SessionEventParams,
  SessionHistoryResult,
} from "meerkat-rpc-client";
import type { Disposable, Event } from "vscode";

/** What a session does, as the status item says it. */
export type Activity = "idle" | "busy" | "needs you" | "offline";

/** What is known of a session beside its events. */
export interface Summary {
  readonly title: string;
  readonly cwd: string | null;
  /** The session's own model; null is the server's default. */
  readonly model: string | null;
  readonly archived: boolean;
}

/** A part of a document that goes with the next prompt. `label` is its place, such as `src/a.ts#L1-9`. */
export interface Reference {
  readonly id: string;
  readonly label: string;
}

/** A session that is open here. Until its first prompt a new one isn't in the store, and nothing is left of it. */
export interface Session {
  readonly id: string;
  readonly created: boolean;
  readonly summary: Summary;
  readonly activity: Activity;
  readonly runningTurnId: string | null;
  readonly approvals: readonly PendingApproval[];
  readonly queue: readonly QueuedTurn[];
  readonly references: readonly Reference[];
  /** What is typed and not sent; kept over restarts of the editor. */
  readonly draft: string;

  /** Fires when anything above changed, but for `draft`. */
  readonly onDidChange: Event<void>;
  /** Events in order, each once, as many at a time as came together; those of `load`'s page are not repeated. */
  readonly onEvents: Event<readonly SessionEventParams[]>;
  /** Somebody else than the view changed the draft: a command, a fork. */
  readonly onDidReplaceDraft: Event<string>;

  /** Read the last page, and follow from there: `onEvents` goes on where the page ends. Repeat at every reload of a view. */
  load(limit: number): Promise<SessionHistoryResult>;
  /** The page that ends before the message `before`. */
  older(before: number, limit: number): Promise<SessionHistoryResult>;
  /** Keep following while somebody shows it. Without a reader it is followed only while a turn runs. */
  retain(): Disposable;

  /**
   * Start a turn; queue it where one runs. Files that the prompt mentions and the references go with it. Rejects with the
   * server's error, and then nothing was sent.
   */
  send(prompt: string, turnId: string): Promise<void>;
  enqueue(prompt: string, turnId: string): Promise<void>;
  /** Add to the running turn; starts one where none runs. */
  steer(prompt: string, turnId: string): Promise<void>;
  dequeue(turnId: string): Promise<boolean>;
  interrupt(): Promise<void>;
  respond(approvalId: string, choice: string, remember: "once" | "session" | "always"): Promise<void>;
  removeReference(id: string): void;
  setDraft(text: string): void;
}

/** Where a copy of a session ends: before a turn's prompt, behind a turn, or behind everything. */
export type ForkPoint = { readonly before: string } | { readonly after: string } | "end";

/** All sessions that are open here, and the one that the side bar shows. */
export interface Sessions {
  readonly current: Session;
  readonly onDidChangeCurrent: Event<Session>;
  /** The same object for the same id. */
  get(id: string): Session;
  /** Show a session in the side bar. */
  open(id: string): Session;
  /** Show a new one. */
  openNew(): Session;
  /** Copy a session, show the copy, and put the prompt that it was forked before into its draft. */
  fork(session: Session, point: ForkPoint): Promise<Session>;
  /** Earlier prompts, the oldest first. */
  readonly promptHistory: readonly string[];
  /** The model that answers where a session has none of its own, once it is known. */
  readonly defaultModel: string | null;
  /** Files for `@` completion, the likeliest first, relative to the session's folder, with `/`. */
  findFiles(session: Session, typed: string, limit: number): Promise<readonly string[]>;
}

/** The server's process. `message` is for people and says what to do. */
export type ServerStatus =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting" }
  | { readonly kind: "ready" }
  | { readonly kind: "restarting"; readonly message: string; readonly attempt: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "missing"; readonly message: string };

/** What the chat shows of the server. */
export interface Server {
  readonly status: ServerStatus;
  readonly onDidChangeStatus: Event<ServerStatus>;
}

/** What shows sessions, for commands and notifications. */
export interface Chat extends Disposable {
  /** Whether somebody who looks at the window sees this session. */
  isVisible(sessionId: string): boolean;
  readonly onDidChangeVisible: Event<void>;
  /** Show the side bar's chat, with the cursor in its prompt unless `preserveFocus`. */
  reveal(preserveFocus?: boolean): Promise<void>;
  /** Show a session in an editor's tab of its own. */
  openInEditor(session: Session): void;
}

/** A page of a session's messages and where it lies. */
export type HistoryPage = SessionHistoryResult;
export type { Message };

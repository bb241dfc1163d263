/**
 * What a session looks like to somebody who shows it: items in order, and the changes that lead from one state to the next.
 *
 * Everything here is plain JSON, so that it can be posted to a webview as it is.
 */
import type { Attachment, JsonValue } from "meerkat-rpc-client";

/** What every item has. `id` is unique in its session and stays the same, also when the session is read anew. */
interface ItemBase {
  readonly id: string;
  readonly turnId: string;
  readonly timestamp: number;
}

/** What the user said. `origin` tells a prompt from an addition to a running turn and from context that a program gave. */
export interface PromptItem extends ItemBase {
  readonly kind: "prompt";
  readonly origin: "prompt" | "steer" | "context" | "summary";
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/** What the model said in one of its calls. `partial`: its turn's end cut it short. */
export interface AnswerItem extends ItemBase {
  readonly kind: "answer";
  text: string;
  streaming: boolean;
  partial: boolean;
}

/** What the model thought. `durationMs` is there once it has finished, and only if it was seen live. */
export interface ReasoningItem extends ItemBase {
  readonly kind: "reasoning";
  text: string;
  streaming: boolean;
  durationMs?: number;
}

/** A tool's call. `result` is text, or JSON where it isn't text. */
export interface ToolItem extends ItemBase {
  readonly kind: "tool";
  readonly callId: string;
  readonly name: string;
  readonly args: JsonValue;
  state: "requested" | "running" | "done" | "failed" | "timed_out" | "interrupted";
  result?: JsonValue;
  durationMs?: number;
}

/** One quiet line about what happened. */
export interface NoteItem extends ItemBase {
  readonly kind: "note";
  readonly tone: "info" | "warning" | "error";
  readonly text: string;
}

/** A question to the user. It is `resolved` once somebody, here or elsewhere, answered with that choice. */
export interface ApprovalItem extends ItemBase {
  readonly kind: "approval";
  readonly approvalId: string;
  readonly summary: string;
  readonly details: JsonValue;
  readonly choices: readonly string[];
  /** What an answer that is remembered would allow; without it, an answer can't be remembered. */
  rule?: string;
  resolved?: string;
}

export type Item = PromptItem | AnswerItem | ReasoningItem | ToolItem | NoteItem | ApprovalItem;

/** A prompt that waits for the running turn's end, or (`steer`) for its next model call. */
export interface WaitingPrompt {
  readonly turnId: string;
  readonly text: string;
  readonly steer: boolean;
}

/** A piece of a document that goes with the next prompt. `label` is its place, such as `src/a.ts#L1-9`. */
export interface Reference {
  readonly id: string;
  readonly label: string;
}

/** What is wrong, for people, and what can be done about it. */
export interface Problem {
  readonly message: string;
  readonly actions: readonly { readonly label: string; readonly command: string }[];
}

/** Everything about a session beside its items. */
export interface SessionState {
  readonly id: string;
  /** False while nothing of it is in the store: nothing was sent yet. */
  readonly exists: boolean;
  readonly title: string;
  readonly cwd: string | null;
  /** The session's own model; null is the server's default. */
  readonly model: string | null;
  /** The model that answers, as far as it is known. */
  readonly answeredBy: string | null;
  readonly archived: boolean;
  /** A turn of it runs, here or in another process. */
  readonly busy: boolean;
  readonly runningTurnId: string | null;
  /** A question waits for an answer. */
  readonly needsYou: boolean;
  readonly waiting: readonly WaitingPrompt[];
  readonly references: readonly Reference[];
  /** There are older messages than `items` has. */
  readonly hasOlder: boolean;
  /** Its first page hasn't come yet. */
  readonly loading: boolean;
  /** Why it can't be shown or the last request failed; gone with the next one that succeeds. */
  readonly problem: Problem | null;
}

/** What changed. Items are given whole, but for the text that streams: only what was added. */
export type SessionChange =
  | { readonly kind: "reset" }
  | { readonly kind: "older"; readonly items: readonly Item[] }
  | { readonly kind: "added"; readonly items: readonly Item[] }
  | { readonly kind: "changed"; readonly items: readonly Item[] }
  | { readonly kind: "text"; readonly id: string; readonly text: string }
  | { readonly kind: "removed"; readonly ids: readonly string[] }
  | { readonly kind: "state" };

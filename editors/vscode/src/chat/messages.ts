/**
 * What the extension and the chat's webview say to each other. Both sides are compiled against these types, and everything in
 * them is plain JSON.
 */
import type { ConnectionState } from "../sessions/interface";
import type { Item, SessionChange, SessionState } from "../sessions/items";

/** Where the webview is: beside the tree, or in an editor's tab with one session of its own. */
export type Place = "sidebar" | "tab";

/** Which of a code block's buttons was pressed. */
export type CodeAction = "copy" | "insert" | "apply";

/** What a prompt does: start a turn (or wait for the running one's end), or add to the running one. */
export type SendMode = "send" | "steer";

/** What a command of the editor's asks of the webview. */
export type Gesture = "focus" | "reveal-approval";

/** A whole session, for a webview that has just begun or that shows another one now. */
export interface Shown {
  readonly state: SessionState;
  /** The last items; the rest is asked for with `older`. */
  readonly items: readonly Item[];
  readonly hasOlder: boolean;
  readonly draft: string;
  readonly prompts: readonly string[];
  readonly connection: ConnectionState;
  readonly place: Place;
}

/** From the extension to the webview. */
export type ToView =
  | { readonly type: "show"; readonly shown: Shown }
  | {
      readonly type: "changes";
      readonly changes: readonly SessionChange[];
      readonly state: SessionState;
      readonly hasOlder: boolean;
    }
  | { readonly type: "connection"; readonly connection: ConnectionState }
  | { readonly type: "draft"; readonly text: string }
  | { readonly type: "sent"; readonly request: number; readonly accepted: boolean; readonly prompts: readonly string[] }
  | { readonly type: "files"; readonly request: number; readonly paths: readonly string[] }
  | { readonly type: "gesture"; readonly gesture: Gesture };

/** From the webview to the extension. */
export type ToHost =
  | { readonly type: "ready" }
  | { readonly type: "send"; readonly request: number; readonly text: string; readonly mode: SendMode }
  | { readonly type: "stop" }
  | { readonly type: "older" }
  | { readonly type: "dequeue"; readonly turnId: string }
  | {
      readonly type: "answer";
      readonly approvalId: string;
      readonly choice: string;
      readonly remember: "once" | "session" | "always";
    }
  | { readonly type: "remove-reference"; readonly id: string }
  | { readonly type: "draft"; readonly text: string }
  | { readonly type: "fork"; readonly itemId: string }
  | { readonly type: "copy"; readonly text: string }
  | { readonly type: "code"; readonly action: CodeAction; readonly code: string; readonly language: string }
  | { readonly type: "link"; readonly href: string }
  | { readonly type: "find-files"; readonly request: number; readonly typed: string }
  | { readonly type: "run"; readonly command: string }
  | { readonly type: "focused"; readonly focused: boolean };

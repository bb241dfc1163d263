/** What a session needs of the rest of the extension. */
import type { Client, PromptBlock } from "meerkat-rpc-client";

import type { Problem } from "./items";
import type { Memory } from "./memory";

/** What happens in sessions, for those who don't show them: notifications, the status, other extensions. */
export type Happening =
  | { readonly kind: "turn started"; readonly sessionId: string; readonly turnId: string }
  | {
      readonly kind: "turn ended";
      readonly sessionId: string;
      readonly turnId: string;
      readonly outcome: "completed" | "failed" | "interrupted";
    }
  | {
      readonly kind: "approval requested";
      readonly sessionId: string;
      readonly approvalId: string;
      readonly summary: string;
    }
  | {
      readonly kind: "approval resolved";
      readonly sessionId: string;
      readonly approvalId: string;
      readonly choice: string;
    };

/** Given to every session. */
export interface Surroundings {
  readonly client: Client;
  readonly memory: Memory;
  /** The folder of sessions that begin here. */
  readonly folder: () => string;
  readonly happened: (happening: Happening) => void;
  /** Start the server again if it is down: somebody wants something of it. */
  readonly revive: () => Promise<void>;
  /** What to show of an error; null where the state of the connection shows it already. */
  readonly problemOf: (error: unknown) => Problem | null;
  /** For the log only. */
  readonly failedQuietly: (error: unknown) => void;
  /** The model of sessions that name none, once it is known. */
  readonly defaultModel: () => string | null;
  /** A session came into the store, or is not there (any more). */
  readonly created: (sessionId: string) => void;
  readonly gone: (sessionId: string) => void;
}

/** What is sent as a prompt. */
export type Prompt = string | PromptBlock[];

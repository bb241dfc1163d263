/** How a prompt reaches the server. */
import type { Client } from "meerkat-rpc-client";
import { isServerError, startTurn } from "meerkat-rpc-client";

import type { Prompt } from "./surroundings";

/** What became of a prompt. */
export interface Sent {
  /** It waits for the turn that runs, or for its next model call. */
  readonly waits: boolean;
}

/** A prompt with the turn's id, by which a repeat is known. */
export interface Turn {
  readonly session_id: string;
  readonly turn_id: string;
  readonly prompt: Prompt;
}

/** Start a turn, or queue one where `busy`, or where the server says that another was faster. */
export async function startOrQueue(client: Client, turn: Turn, busy: boolean): Promise<Sent> {
  if (!busy) {
    try {
      await startTurn(client, turn);
      return { waits: false };
    } catch (error) {
      if (!isServerError(error, "SESSION_BUSY")) {
        throw error;
      }
    }
  }
  await client.request("turn/enqueue", turn);
  return { waits: true };
}

/** Add to the turn that runs. Where none runs (any more) it becomes a turn. */
export async function steerOrStart(client: Client, turn: Turn): Promise<Sent> {
  try {
    await client.request("turn/steer", turn);
    return { waits: true };
  } catch (error) {
    if (!isServerError(error, "SESSION_NOT_RUNNING")) {
      throw error;
    }
    return startOrQueue(client, turn, false);
  }
}

/** Create a session that has nothing yet. The same id twice creates one. */
export async function createSession(
  client: Client,
  sessionId: string,
  cwd: string,
  model: string | null,
): Promise<void> {
  await client.request("session/create", { session_id: sessionId, initial_turn: "deferred", cwd, model });
}

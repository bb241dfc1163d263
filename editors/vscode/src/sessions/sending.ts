/** How a prompt reaches the server. */
import type { Client } from "meerkat-rpc-client";
import { isServerError, newId, startTurn } from "meerkat-rpc-client";

import type { Prompt } from "./surroundings";

/** What became of a prompt. */
export interface Sent {
  readonly turnId: string;
  /** It waits for the turn that runs, or for its next model call. */
  readonly waits: boolean;
}

/** Start a turn, or queue one where `busy`, or where the server says that another was faster. */
export async function startOrQueue(client: Client, sessionId: string, prompt: Prompt, busy: boolean): Promise<Sent> {
  const turn = { session_id: sessionId, prompt, turn_id: newId() };
  if (!busy) {
    try {
      await startTurn(client, turn);
      return { turnId: turn.turn_id, waits: false };
    } catch (error) {
      if (!isServerError(error, "SESSION_BUSY")) {
        throw error;
      }
    }
  }
  const queued = await client.request("turn/enqueue", turn);
  return { turnId: queued.turn_id, waits: true };
}

/** Add to the turn that runs. Where none runs (any more) it becomes a turn. */
export async function steerOrStart(client: Client, sessionId: string, prompt: Prompt): Promise<Sent> {
  const turn = { session_id: sessionId, prompt, turn_id: newId() };
  try {
    await client.request("turn/steer", turn);
    return { turnId: turn.turn_id, waits: true };
  } catch (error) {
    if (!isServerError(error, "SESSION_NOT_RUNNING")) {
      throw error;
    }
    return startOrQueue(client, sessionId, prompt, false);
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

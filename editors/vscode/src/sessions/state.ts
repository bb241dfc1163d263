/** A session's state, as the server's answers tell it. */
import type { RunCompleted, RunFailed, SessionView } from "meerkat-rpc-client";

import type { SessionState } from "./items";

/** A session of which nothing was read yet. */
export function newSessionState(id: string, exists: boolean, cwd: string, defaultModel: string | null): SessionState {
  return {
    id,
    exists,
    title: "",
    cwd: exists ? null : cwd,
    model: null,
    answeredBy: defaultModel,
    archived: false,
    busy: false,
    runningTurnId: null,
    needsYou: false,
    waiting: [],
    references: [],
    hasOlder: false,
    loading: exists,
    problem: null,
  };
}

/** What reading a session tells. Whether it runs is told by its events, which are newer. */
export function viewState(view: SessionView, defaultModel: string | null): Partial<SessionState> {
  return {
    title: view.title,
    cwd: view.cwd,
    model: view.model,
    answeredBy: view.model ?? defaultModel,
    archived: view.archived,
    waiting: (view.queue ?? []).map(({ turn_id: turnId, prompt: text, steer }) => ({ turnId, text, steer })),
  };
}

/** How a turn ended, in the server's own words for it. */
export function outcomeOf(event: RunCompleted | RunFailed): "completed" | "failed" | "interrupted" {
  if (event.type === "run_completed") {
    return "completed";
  }
  return event.reason === "cancelled" || event.reason === "host_exit" ? "interrupted" : "failed";
}

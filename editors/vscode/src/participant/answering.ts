/** A turn of a session as a chat of the editor's own shows it. Knows nothing of the editor's API. */
import type { ApprovalRequested, Client, Event, PromptBlock } from "meerkat-rpc-client";
import { runTurn, TurnText } from "meerkat-rpc-client";

import { noteOf } from "../sessions/notes";

/** Where it is shown. */
export interface Page {
  /** A piece of the answer. */
  markdown(text: string): void;
  /** What goes on, in a line that is replaced by the next. */
  progress(text: string): void;
  /** A question that has to be answered before the turn goes on. */
  ask(question: ApprovalRequested): void;
}

/** What to run, and where. */
export interface Asked {
  readonly sessionId: string;
  readonly prompt: string | PromptBlock[];
  readonly signal: AbortSignal;
}

/** Run a turn onto the page. Resolves with its error, if it failed; one that was stopped has none. */
export async function answer(client: Client, asked: Asked, page: Page): Promise<string | undefined> {
  const text = new TurnText();
  for await (const event of runTurn(client, asked)) {
    const said = text.added(event);
    if (said !== "") {
      page.markdown(said);
    }
    tell(event.event, page);
    if (event.event.type === "run_failed" && event.event.reason !== "cancelled") {
      return noteOf(event.event)?.text;
    }
  }
  return undefined;
}

function tell(event: Event, page: Page): void {
  switch (event.type) {
    case "tool_execution_started":
      page.progress(event.name);
      break;
    case "approval_requested":
      page.ask(event);
      break;
    case "text_complete":
      page.markdown("\n\n");
      break;
    case "run_failed":
      break; // told by whoever shows errors
    default: {
      const note = noteOf(event);
      if (note !== undefined) {
        page.progress(note.text);
      }
    }
  }
}

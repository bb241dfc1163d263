/** Commands about the chat and what is said there. */
import { window } from "vscode";

import { selectionOf } from "../selection";
import { pickSession } from "../session-list/picker";
import type { SessionModel } from "../sessions/session-model";
import type { Commands, Parts, Target } from "./context";
import { sessionOf, tryTo } from "./context";

/** What `meerkat.ask` may be called with by keys and other extensions. */
export interface Question {
  readonly prompt?: string;
}

/** Opening, asking, sending, stopping. */
export function chatCommands(parts: Parts): Commands {
  const { sessions, chat } = parts;
  return {
    "meerkat.open": async (target: Target) => {
      sessions.open(sessionOf(parts, target).id);
      await chat.focus();
    },
    "meerkat.new": async () => {
      sessions.openNew();
      await chat.focus();
    },
    "meerkat.resume": async () => {
      const sessionId = await tryTo(async () => {
        await parts.server.revive();
        return pickSession(parts.listing);
      });
      if (sessionId !== undefined) {
        sessions.open(sessionId);
        await chat.focus();
      }
    },
    "meerkat.openInEditor": (target: Target) => {
      chat.openInEditor(sessionOf(parts, target));
    },
    "meerkat.ask": (question?: Question) => ask(parts, question?.prompt),
    "meerkat.send": () => sendDraft(sessions.current, (session, draft) => session.send(draft)),
    "meerkat.queue": () => sendDraft(sessions.current, (session, draft) => session.queue(draft)),
    "meerkat.steer": () => sendDraft(sessions.current, (session, draft) => session.steer(draft)),
    "meerkat.stop": (target: Target) => sessionOf(parts, target).stop(),
  };
}

/** Ask from anywhere. What is selected goes along; an empty question only takes it to the prompt. */
async function ask({ sessions, chat }: Parts, question: string | undefined): Promise<void> {
  const selected = selectionOf(window.activeTextEditor);
  const prompt = question ?? (await askFor(selected?.label));
  if (prompt === undefined) {
    return;
  }
  const session = sessions.current;
  if (selected !== undefined) {
    session.addReference(selected.label, selected.text);
  }
  await chat.focus();
  if (prompt.trim() !== "" && !(await session.send(prompt))) {
    session.replaceDraft(prompt);
  }
}

function askFor(label: string | undefined): Thenable<string | undefined> {
  return window.showInputBox({
    title: label === undefined ? "Ask Meerkat" : `Ask Meerkat about ${label}`,
    placeHolder: label === undefined ? "A question or a task" : "A question or a task; empty: write it in the chat",
    ignoreFocusOut: true,
  });
}

/** Send what is written in the chat. */
async function sendDraft(
  session: SessionModel,
  send: (session: SessionModel, draft: string) => Promise<boolean>,
): Promise<void> {
  const { draft } = session;
  if (draft.trim() !== "" && (await send(session, draft))) {
    session.replaceDraft("");
  }
}

/** Commands about sessions as things to be kept: named, copied, put away, exported. */
import { window, workspace } from "vscode";

import { pickSession } from "../session-list/picker";
import { titleOf } from "../session-list/wording";
import type { Commands, Parts, Target } from "./context";
import { isStored, sessionOf, tryTo } from "./context";
import { chooseModel } from "./models";

const DELETE = "Delete";

/** Fork, rename, archive, delete, export, compact, model. */
export function keepingCommands(parts: Parts): Commands {
  return {
    "meerkat.fork": (target: Target) => fork(parts, target),
    "meerkat.rename": (target: Target) => rename(parts, target),
    "meerkat.archive": (target: Target) => archive(parts, target),
    "meerkat.unarchive": (target: Target) => unarchive(parts, target),
    "meerkat.delete": (target: Target) => remove(parts, target),
    "meerkat.export": (target: Target) => exportAs(parts, target, "markdown"),
    "meerkat.exportJson": (target: Target) => exportAs(parts, target, "json"),
    "meerkat.compact": (target: Target) => compact(parts, target),
    "meerkat.model": (target: Target) => chooseModel(parts, sessionOf(parts, target)),
  };
}

async function fork(parts: Parts, target: Target): Promise<void> {
  const session = sessionOf(parts, target);
  if (isStored(session) && (await parts.sessions.fork(session)) !== undefined) {
    await parts.chat.focus();
  }
}

async function rename(parts: Parts, target: Target): Promise<void> {
  const session = sessionOf(parts, target);
  if (!isStored(session)) {
    return;
  }
  await tryTo(async () => {
    const view = await parts.server.client.request("session/read", { session_id: session.id });
    const title = await window.showInputBox({ title: "Rename Session", value: view.title });
    if (title !== undefined && title.trim() !== "") {
      await parts.server.client.request("session/update", { session_id: session.id, title: title.trim() });
      await changed(parts, target);
    }
  });
}

async function archive(parts: Parts, target: Target): Promise<void> {
  const session = sessionOf(parts, target);
  if (isStored(session)) {
    await tryTo(async () => {
      await parts.server.client.request("session/archive", { session_id: session.id });
      await changed(parts, target);
    });
  }
}

/** Without a row of the tree, of those that are archived: the current session seldom is. */
async function unarchive(parts: Parts, target: Target): Promise<void> {
  await tryTo(async () => {
    const sessionId = target === undefined ? await pickArchived(parts) : sessionOf(parts, target).id;
    if (sessionId !== undefined) {
      await parts.server.client.request("session/unarchive", { session_id: sessionId });
      await changed(parts, sessionId);
    }
  });
}

async function pickArchived({ server, listing }: Parts): Promise<string | undefined> {
  await server.revive();
  return pickSession(listing, { allFolders: false, archived: true });
}

async function remove(parts: Parts, target: Target): Promise<void> {
  const session = sessionOf(parts, target);
  if (!isStored(session)) {
    return;
  }
  await tryTo(async () => {
    const view = await parts.server.client.request("session/read", { session_id: session.id });
    const question = `Delete “${titleOf(view)}”? Every trace of it is removed.`;
    if ((await window.showWarningMessage(question, { modal: true }, DELETE)) === DELETE) {
      await parts.server.client.request("session/delete", { session_id: session.id });
      parts.sessions.forget(session.id);
      parts.listing.outdated();
    }
  });
}

async function exportAs(parts: Parts, target: Target, format: "markdown" | "json"): Promise<void> {
  const session = sessionOf(parts, target);
  if (isStored(session)) {
    await tryTo(async () => {
      const params = { session_id: session.id, format };
      const { content } = await parts.server.client.request("session/export", params);
      await window.showTextDocument(await workspace.openTextDocument({ language: format, content }));
    });
  }
}

async function compact(parts: Parts, target: Target): Promise<void> {
  const session = sessionOf(parts, target);
  if (!isStored(session)) {
    return;
  }
  await tryTo(async () => {
    const params = { session_id: session.id };
    const { messages_before: before, messages_after: after } = await parts.server.client.request(
      "session/compact",
      params,
    );
    const message =
      before === after
        ? "There is nothing to summarise yet."
        : `The model now reads ${after} messages instead of ${before}; all of them are still here.`;
    void window.showInformationMessage(message);
  });
}

async function changed(parts: Parts, target: Target): Promise<void> {
  parts.listing.outdated();
  await sessionOf(parts, target).refresh();
}

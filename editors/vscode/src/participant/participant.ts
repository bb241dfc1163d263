/** `@meerkat` in the editor's own chat, where the editor has one. A conversation there is a session like any other. */
import type { ApprovalRequested, PromptBlock } from "meerkat-rpc-client";
import { messageOf, newId } from "meerkat-rpc-client";
import type {
  CancellationToken,
  ChatContext,
  ChatPromptReference,
  ChatRequest,
  ChatResponseStream,
  ChatResult,
  Disposable,
} from "vscode";
import { chat, ChatResponseTurn, Location, Uri, workspace } from "vscode";

import type { ServerConnection } from "../server/connection";
import { fenced } from "../sessions/references";
import { createSession } from "../sessions/sending";
import { workFolder } from "../settings";
import { answer } from "./answering";

const ID = "meerkat.chat";

/** What a turn there remembers for the next. */
interface Metadata {
  readonly sessionId?: string;
}

/** Take part in the editor's chat; undefined where it has none. */
export function joinChat(server: ServerConnection): Disposable | undefined {
  // Editors that have no chat, and forks that took it out, have no such function, whatever their types say.
  const create = (chat as Partial<typeof chat> | undefined)?.createChatParticipant;
  return create?.(ID, (request, context, response, token) => respond(server, request, context, response, token));
}

async function respond(
  server: ServerConnection,
  request: ChatRequest,
  context: ChatContext,
  response: ChatResponseStream,
  token: CancellationToken,
): Promise<ChatResult> {
  const earlier = sessionOf(context);
  const sessionId = earlier ?? newId();
  const metadata: Metadata = { sessionId };
  try {
    await server.revive();
    if (earlier === undefined) {
      await createSession(server.client, sessionId, workFolder(), null);
      response.button({ command: "meerkat.open", title: "Open in Meerkat", arguments: [sessionId] });
    }
    const asked = { sessionId, prompt: await promptOf(request), signal: signalOf(token) };
    const message = await answer(server.client, asked, pageOf(response));
    return message === undefined ? { metadata } : { metadata, errorDetails: { message } };
  } catch (error) {
    return { metadata, errorDetails: { message: messageOf(error) } };
  }
}

/** The session of the conversation so far. */
function sessionOf({ history }: ChatContext): string | undefined {
  const mine = history.filter((turn) => turn instanceof ChatResponseTurn && turn.participant === ID);
  const metadata = (mine.at(-1) as ChatResponseTurn | undefined)?.result.metadata as Metadata | undefined;
  return metadata?.sessionId;
}

/** What was asked, with what was attached: files as they are, selections as text. */
async function promptOf({ prompt, references }: ChatRequest): Promise<string | PromptBlock[]> {
  const blocks = (await Promise.all(references.map(blockOf))).filter((block) => block !== undefined);
  return blocks.length === 0 ? prompt : [{ type: "text", text: prompt }, ...blocks];
}

async function blockOf({ value }: ChatPromptReference): Promise<PromptBlock | undefined> {
  if (value instanceof Uri) {
    return value.scheme === "file" ? { type: "file", path: value.fsPath } : undefined;
  }
  if (value instanceof Location) {
    const document = await workspace.openTextDocument(value.uri);
    const place = `${workspace.asRelativePath(value.uri)}#L${value.range.start.line + 1}-${value.range.end.line + 1}`;
    return { type: "text", text: `${place}\n${fenced(document.getText(value.range), document.languageId)}` };
  }
  return typeof value === "string" ? { type: "text", text: value } : undefined;
}

function pageOf(response: ChatResponseStream): Parameters<typeof answer>[2] {
  return {
    markdown: (text) => {
      response.markdown(text);
    },
    progress: (text) => {
      response.progress(text);
    },
    ask: (question) => {
      ask(question, response);
    },
  };
}

function ask({ approval_id: approvalId, summary, choices }: ApprovalRequested, response: ChatResponseStream): void {
  response.markdown(`\n\n**Needs your answer:** \`${summary.replaceAll("`", "'")}\`\n\n`);
  for (const choice of choices) {
    response.button({ command: "meerkat.respond", title: choice, arguments: [approvalId, choice] });
  }
}

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => {
    controller.abort();
  });
  return controller.signal;
}

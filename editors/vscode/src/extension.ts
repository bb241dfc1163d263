/** The extension's two ends: its parts are put together here. */
import type { Disposable, ExtensionContext, LogOutputChannel } from "vscode";
import { commands, window, workspace } from "vscode";

import type { MeerkatApi } from "./api";
import { createApi, Happenings } from "./api";
import { Attention } from "./attention";
import { registerChat } from "./chat";
import { Chatting } from "./chat-model";
import { approvalCommands } from "./commands/approving";
import { chatCommands } from "./commands/chatting";
import type { Commands, Parts } from "./commands/context";
import { keepingCommands } from "./commands/keeping";
import { serverCommands } from "./commands/serving";
import { Doctor } from "./doctor/document";
import { Files } from "./files";
import { joinChat } from "./participant/participant";
import { problemOf, ServerConnection } from "./server/connection";
import { DefaultModel } from "./server/default-model";
import { createLog, logServer, TrafficLog } from "./server/log";
import { SessionListing } from "./session-list/listing";
import { SessionTree } from "./session-list/tree";
import { Memory } from "./sessions/memory";
import { OpenSessions } from "./sessions/open-sessions";
import type { Surroundings } from "./sessions/surroundings";
import { workFolder } from "./settings";
import { StatusItem } from "./status-item";

let server: ServerConnection | undefined;

/** Called by VS Code when something of the extension's is used for the first time. Starts no server. */
export function activate(context: ExtensionContext): MeerkatApi {
  const log = createLog();
  const { version } = context.extension.packageJSON as { readonly version: string };
  server = new ServerConnection(version);
  const happenings = new Happenings();
  const memory = new Memory(context.workspaceState);
  const sessions = openSessions(server, memory, happenings, log);
  const chat = registerChat(context, new Chatting(sessions, server, memory, new Files()), log);
  const listing = new SessionListing(server.client, (changed) => {
    for (const session of sessions.all) {
      if (changed?.includes(session.id) ?? true) {
        session.storeChanged();
      }
    }
  });
  const parts = { sessions, server, listing, chat, traffic: new TrafficLog(server.client) };
  context.subscriptions.push(
    log,
    ...logServer(server.client, log),
    ...reactions(parts, happenings),
    ...commandsOf(parts, context, log),
    new SessionTree(listing),
    listing,
    sessions,
    parts.traffic,
    server,
  );
  const participant = joinChat(server);
  if (participant !== undefined) {
    context.subscriptions.push(participant);
  }
  return createApi(sessions, server, chat, happenings);
}

/** Called when the window closes. The server gets a moment, and ends by itself if it needs longer. */
export async function deactivate(): Promise<void> {
  await server?.client.dispose();
}

function openSessions(
  { client, revive }: ServerConnection,
  memory: Memory,
  happenings: Happenings,
  log: LogOutputChannel,
): OpenSessions {
  const defaultModel = new DefaultModel(client, (name) => {
    for (const session of sessions.all) {
      session.defaultModelKnown(name);
    }
  });
  const around: Surroundings = {
    client,
    memory,
    folder: workFolder,
    happened: (happening) => {
      happenings.fire(happening);
    },
    revive,
    problemOf: (error) => {
      log.warn(String(error));
      return problemOf(error);
    },
    failedQuietly: (error) => {
      log.debug(String(error));
    },
    defaultModel: () => defaultModel.name,
    created: (id) => {
      sessions.created(id);
    },
    gone: (id) => {
      sessions.forget(id);
      void window.showInformationMessage("This session is not there any more: it was deleted.");
    },
  };
  const sessions = new OpenSessions(around);
  return sessions;
}

/** What happens when something else does. */
function reactions({ sessions, server, listing, chat, traffic }: Parts, happenings: Happenings): Disposable[] {
  const status = new StatusItem(sessions);
  const attention = new Attention(sessions, chat, server);
  status.update(server.state);
  return [
    status,
    attention,
    happenings,
    happenings.event((happening) => {
      attention.happened(happening);
      listing.outdated();
    }),
    sessions.onDidChange(() => {
      status.update(server.state);
    }),
    server.onDidChange((connection) => {
      status.update(connection);
      if (connection.kind === "ready") {
        for (const session of sessions.all) {
          session.serverReady();
        }
      }
    }),
    chat.onDidChangeVisible((visible) => {
      if (visible) {
        void server.start(); // somebody is about to ask something
      }
    }),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("meerkat.traffic")) {
        traffic.update();
      }
      if (change.affectsConfiguration("meerkat.server") && server.state.kind === "offline") {
        void server.restart();
      }
    }),
  ];
}

function commandsOf(parts: Parts, context: ExtensionContext, log: LogOutputChannel): Disposable[] {
  const doctor = new Doctor(parts.server, context, log);
  const all: Commands = {
    ...chatCommands(parts),
    ...approvalCommands(parts),
    ...keepingCommands(parts),
    ...serverCommands(parts, log),
    "meerkat.doctor": () => doctor.show(),
  };
  return [doctor, ...Object.entries(all).map(([name, run]) => commands.registerCommand(name, run))];
}

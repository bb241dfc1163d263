/** The server as people see it: whether it is there, and what to do when it isn't. */
import type { Status } from "meerkat-rpc-client";
import { Client, MeerkatError, messageOf } from "meerkat-rpc-client";
import type { Disposable } from "vscode";
import { EventEmitter } from "vscode";

import type { ConnectionState } from "../sessions/interface";
import type { Problem } from "../sessions/items";
import { COMMAND_SETTING, serverSettings, workFolder } from "../settings";

const RESTART = { label: "Try Again", command: "meerkat.restart" };
const LOG = { label: "Show Log", command: "meerkat.log" };
const SETTING = { label: "Open Setting", command: "meerkat.openSettings" };
const DOCTOR = { label: "Doctor", command: "meerkat.doctor" };

/** What went wrong last, for the doctor. */
export interface Crash {
  readonly reason: string;
  readonly at: Date;
}

/** One server, started when it is needed. */
export class ServerConnection implements Disposable {
  readonly client: Client;
  private readonly changed = new EventEmitter<ConnectionState>();
  readonly onDidChange = this.changed.event;
  private readonly crashed = new EventEmitter<Crash>();
  /** Fires once for each time that a server which worked ended by itself. */
  readonly onDidCrash = this.crashed.event;
  lastCrash: Crash | undefined;
  private readonly subscription: Disposable;

  constructor(version: string) {
    this.client = new Client(() => {
      const { command, args, env, model } = serverSettings();
      return {
        command,
        settingName: COMMAND_SETTING,
        serverArgs: args,
        env,
        model,
        cwd: workFolder(),
        clientInfo: { name: "vscode", version },
        capabilities: { prepare: true },
      };
    });
    this.subscription = this.client.onDidChangeStatus((status) => {
      this.statusChanged(status);
    });
  }

  get state(): ConnectionState {
    return stateOf(this.client.status);
  }

  /** Have it running. What goes wrong is its state. */
  async start(): Promise<void> {
    await this.client.start().catch(() => undefined);
  }

  /** Have it running for something that somebody asked for: after a failure it is tried again. Throws what goes wrong. */
  readonly revive = async (): Promise<void> => {
    await (this.client.status.kind === "failed" ? this.client.restart() : this.client.start());
  };

  /** End it and start it anew, with the settings as they are. */
  async restart(): Promise<void> {
    await this.client.restart().catch(() => undefined);
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
    this.crashed.dispose();
  }

  private statusChanged(status: Status): void {
    if (status.kind === "restarting" && status.attempt === 1) {
      this.lastCrash = { reason: status.reason, at: new Date() };
      this.crashed.fire(this.lastCrash);
    }
    this.changed.fire(stateOf(status));
  }
}

/** What to show of an error; null where the connection's state says it. */
export function problemOf(error: unknown): Problem | null {
  const code = error instanceof MeerkatError ? error.code : undefined;
  switch (code) {
    case "SERVER_MISSING":
    case "SERVER_FAILED":
    case "CLIENT_CLOSED":
      return null;
    case "SESSION_BUSY":
      return { message: messageOf(error), actions: [] };
    case "PROVIDER_ERROR":
      return { message: messageOf(error), actions: [{ label: "Choose Model", command: "meerkat.model" }, DOCTOR] };
    case undefined:
    case "INTERNAL_ERROR":
    case "STORE_ERROR":
      return { message: messageOf(error), actions: [LOG, DOCTOR] };
    default:
      return { message: messageOf(error), actions: [] };
  }
}

function stateOf(status: Status): ConnectionState {
  switch (status.kind) {
    case "restarting": {
      const message = `The server is gone: ${status.reason}. It is being started again, and sessions go on where they were.`;
      return { kind: "restarting", problem: { message, actions: [LOG] } };
    }
    case "failed": {
      const { code, message } = status.error;
      const actions = code === "SERVER_MISSING" ? [SETTING, RESTART, DOCTOR] : [RESTART, LOG, DOCTOR];
      return { kind: "offline", problem: { message, actions } };
    }
    default:
      return { kind: status.kind, problem: null };
  }
}

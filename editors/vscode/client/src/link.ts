/** One life of the server: a process, the connection to it, and requests that are typed. */
import type { CancellationToken, MessageConnection } from "vscode-jsonrpc/node";
import { CancellationTokenSource, ErrorCodes, ParameterStructures, ResponseError } from "vscode-jsonrpc/node";

import type { Methods, Notifications, ServerRequests } from "./contract.js";
import { Cancelled, ServerError, ServerExited } from "./errors.js";
import type { Launch } from "./server-process.js";
import { ServerProcess } from "./server-process.js";
import type { Watcher, Wire } from "./wire.js";
import { connect } from "./wire.js";

/** The names of requests, and of notifications to this side. */
export type Method = keyof Methods;
export type NotificationName = {
  [N in keyof Notifications]: Notifications[N]["to"] extends "client" ? N : never;
}[keyof Notifications];

/** Answers a request of the server's; the signal is aborted when the server takes the request back. */
export type Answerer<R extends keyof ServerRequests> = (
  params: ServerRequests[R]["params"],
  signal: AbortSignal,
) => Promise<ServerRequests[R]["result"]>;

/** Who is told of what the server says by itself. */
export interface Listeners {
  readonly notified: (method: string, params: unknown) => void;
  readonly asked: (method: string, params: unknown, signal: AbortSignal) => Promise<unknown>;
  readonly stderr: (text: string) => void;
  readonly traffic: Watcher;
  /** The process ended. Called before the requests that wait for an answer are given up. */
  readonly ended: (link: Link, ending: string) => void;
}

/** What vscode-jsonrpc says by itself, in the same form as a server's errors. */
const LOCAL_ERRORS: ReadonlySet<number> = new Set([
  ErrorCodes.MessageWriteError,
  ErrorCodes.MessageReadError,
  ErrorCodes.PendingResponseRejected,
  ErrorCodes.ConnectionInactive,
]);

/** A server that runs, until it doesn't. */
export class Link {
  /** Resolves with why the process ended, once every message of it has been handled. */
  readonly ended: Promise<string>;
  private readonly connection: MessageConnection;

  private constructor(
    private readonly process: ServerProcess,
    wire: Wire,
    listeners: Listeners,
  ) {
    this.connection = wire.connection;
    this.connection.onError(() => {
      process.kill(); // of no more use, or gone already: its end says it
    });
    this.connection.onRequest((method, params, token) => listeners.asked(method, params, signalOf(token)));
    this.connection.listen();
    this.ended = process.ended.then(async (ending) => {
      await wire.handled();
      listeners.ended(this, ending);
      this.connection.dispose();
      return ending;
    });
  }

  /** Start the program. Rejects when it can't be run. */
  static async open(launch: Launch, listeners: Listeners): Promise<Link> {
    const process = await ServerProcess.start(launch, listeners.stderr);
    return new Link(process, connect(process.stdout, process.stdin, listeners.traffic, listeners.notified), listeners);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** The last line that the server said on stderr. */
  get lastWords(): string {
    return this.process.lastWords;
  }

  /** Send a request. Rejects with ServerError, with Cancelled, or with ServerExited when no answer can come any more. */
  async request<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    signal?: AbortSignal,
  ): Promise<Methods[M]["result"]> {
    if (signal?.aborted === true) {
      throw new Cancelled();
    }
    const source = new CancellationTokenSource();
    const cancel = (): void => source.cancel();
    signal?.addEventListener("abort", cancel);
    try {
      return await this.connection.sendRequest(method, ParameterStructures.byName, params, source.token);
    } catch (error) {
      throw await this.translated(method, error);
    } finally {
      signal?.removeEventListener("abort", cancel);
      source.dispose();
    }
  }

  /** Let the server finish by closing its input; wait for its end at most so long. True: it has ended. */
  async close(patienceMs: number): Promise<boolean> {
    const ended = await this.process.close(patienceMs);
    if (!ended) {
      this.process.letGo();
    }
    return ended;
  }

  /** Have the server interrupt what runs, save it and end; kill it if that takes longer than `patienceMs`. */
  async shutDown(patienceMs: number): Promise<void> {
    const asked = this.request("shutdown", {})
      .then(() => this.connection.sendNotification("exit"))
      .catch(() => undefined);
    if (!(await this.process.endsWithin(patienceMs))) {
      this.process.kill();
    }
    await Promise.all([asked, this.ended]);
  }

  /** End the process now. */
  kill(): void {
    this.process.kill();
  }

  /** An error that isn't the server's means that its other end is gone, or is of no more use: then wait for its end. */
  private async translated(method: string, error: unknown): Promise<Error> {
    if (error instanceof ResponseError && !LOCAL_ERRORS.has(error.code)) {
      return new ServerError(error.message, error.code, error.data);
    }
    this.process.kill();
    await this.ended;
    return new ServerExited(`the server ended before it answered ${method}`, { cause: error });
  }
}

function signalOf(token: CancellationToken): AbortSignal {
  const controller = new AbortController();
  token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** The client: typed requests to one server that is started when it is needed and again when it crashed. */
import type { Disposable, Event } from "vscode-jsonrpc/node";
import { Emitter } from "vscode-jsonrpc/node";

import type { Methods, Notifications, ServerRequests } from "./contract.js";
import { ServerExited } from "./errors.js";
import type { Answerer, Method, NotificationName } from "./link.js";
import type { ClientOptions } from "./options.js";
import { isRepeatable } from "./repeating.js";
import type { Status } from "./supervisor.js";
import { Supervisor } from "./supervisor.js";
import type { Traffic } from "./wire.js";

/** What a notification carries. */
export type ParamsOf<N extends NotificationName> = Notifications[N]["params"];

/** A connection to meerkat-rpc. Nothing is started before the first request. */
export class Client {
  private readonly notifications = new Map<string, Emitter<never>>();
  private readonly answerers = new Map<string, AnyAnswerer>();
  private readonly stderr = new Emitter<string>();
  private readonly traffic = new Emitter<Traffic>();
  private readonly supervisor: Supervisor;

  /** What the server writes to its stderr, as it comes. */
  readonly onStderr: Event<string> = this.stderr.event;
  /** Every message, for logs. */
  readonly onTraffic: Event<Traffic> = this.traffic.event;
  readonly onDidChangeStatus: Event<Status>;

  /** A function is asked for the options at every start, so that a restart takes what has changed. */
  constructor(options: ClientOptions | (() => ClientOptions) = {}) {
    this.supervisor = new Supervisor(typeof options === "function" ? options : () => options, {
      notified: (method, params) => {
        this.notifications.get(method)?.fire(params as never);
      },
      asked: (method, params, signal) => this.answer(method, params, signal),
      stderr: (text) => {
        this.stderr.fire(text);
      },
      traffic: (traffic) => {
        this.traffic.fire(traffic);
      },
    });
    this.onDidChangeStatus = this.supervisor.onDidChangeStatus;
  }

  get status(): Status {
    return this.supervisor.status;
  }

  /** Start the server, if it isn't running. After a failure `restart` is the way. */
  async start(): Promise<void> {
    await this.supervisor.ready();
  }

  /**
   * Send a request. When the server dies before it has answered, a request that can be repeated safely is sent to the next
   * one; any other rejects with ServerExited. Aborting the signal takes it back.
   */
  async request<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Methods[M]["result"]> {
    for (;;) {
      const link = await this.supervisor.ready();
      try {
        return await link.request(method, params, options.signal);
      } catch (error) {
        if (!(error instanceof ServerExited) || !isRepeatable(method, params)) {
          throw error;
        }
      }
    }
  }

  /** Be told of a kind of notification. */
  onNotification<N extends NotificationName>(method: N, listener: (params: ParamsOf<N>) => void): Disposable {
    let emitter = this.notifications.get(method) as Emitter<ParamsOf<N>> | undefined;
    if (emitter === undefined) {
      emitter = new Emitter<ParamsOf<N>>();
      this.notifications.set(method, emitter as Emitter<never>);
    }
    return emitter.event(listener);
  }

  /** Answer a kind of request of the server's. There is one answerer of each kind. */
  onRequest<R extends keyof ServerRequests>(method: R, answerer: Answerer<R>): Disposable {
    this.answerers.set(method, answerer);
    return { dispose: () => this.answerers.delete(method) };
  }

  /** Do something with each server before any other request reaches it, now and after each restart. */
  async prepare(preparation: (request: Request) => Promise<void>): Promise<Disposable> {
    const { preparations } = this.supervisor;
    const prepare = (link: { request: Request }): Promise<void> =>
      preparation((method, params) => link.request(method, params));
    if (this.status.kind === "ready") {
      await prepare(await this.supervisor.ready());
    }
    preparations.add(prepare);
    return { dispose: () => preparations.delete(prepare) };
  }

  /** End the server, which saves what runs, and start another with what the options are now. */
  async restart(): Promise<void> {
    await this.supervisor.restart();
  }

  /** Close the server's input and wait at most a second for its end. It finishes what it does and ends by itself. */
  async dispose(): Promise<void> {
    await this.supervisor.close();
    for (const emitter of [this.stderr, this.traffic, ...this.notifications.values()]) {
      emitter.dispose();
    }
  }

  private async answer(method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    const answerer = this.answerers.get(method);
    if (answerer === undefined) {
      throw new Error(`this client does not answer ${method}`);
    }
    return answerer(params as never, signal);
  }
}

type AnyAnswerer = (params: never, signal: AbortSignal) => Promise<unknown>;

/** Sends a request. */
export type Request = <M extends Method>(method: M, params: Methods[M]["params"]) => Promise<Methods[M]["result"]>;

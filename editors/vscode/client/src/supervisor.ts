/** Keeps one server running: starts it, greets it, and starts another when it crashed. */
import type { Event } from "vscode-jsonrpc/node";
import { Emitter } from "vscode-jsonrpc/node";

import type { InitializeResult } from "./contract.js";
import type { ServerCommand } from "./discovery.js";
import { findServer } from "./discovery.js";
import { ClientClosed, MeerkatError, messageOf, ServerFailed } from "./errors.js";
import type { Listeners } from "./link.js";
import { Link } from "./link.js";
import type { ClientOptions } from "./options.js";
import { environment, serveArguments } from "./options.js";
import { CrashCount } from "./restarting.js";
import { sleep, within } from "./waiting.js";

/** How long a server may take to answer `initialize`: its imports on a slow, cold disk. */
const INITIALIZE_TIMEOUT_MS = 30_000;

/** The same with uvx, which may have to fetch the server and everything that it needs first. */
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** How long a server may take to save what runs before it is killed for a restart. */
const SHUTDOWN_PATIENCE_MS = 3_000;

/** How long closing waits for the server. It ends by itself afterwards, when its work is done. */
const CLOSE_PATIENCE_MS = 1_000;

/** How the server is. `reason` and `error` are for people. */
export type Status =
  | { readonly kind: "stopped" }
  | { readonly kind: "starting" }
  | { readonly kind: "ready"; readonly server: RunningServer }
  | { readonly kind: "restarting"; readonly reason: string; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: "failed"; readonly error: MeerkatError };

/** A server that has been greeted. */
export interface RunningServer {
  readonly command: ServerCommand;
  readonly pid: number | undefined;
  readonly initialized: InitializeResult;
  /** From its start to the answer to `initialize`. */
  readonly startMs: number;
}

/** Done with every server before anybody else may use it. */
export type Preparation = (link: Link) => Promise<void>;

/** One server at a time. */
export class Supervisor {
  readonly preparations = new Set<Preparation>();
  private readonly statusChanged = new Emitter<Status>();
  readonly onDidChangeStatus: Event<Status> = this.statusChanged.event;
  private now: Status = { kind: "stopped" };
  private current: Promise<Link> | undefined;
  private link: Link | undefined;
  private readySince = 0;
  private readonly crashes = new CrashCount();
  /** Aborted when what is going on is no longer wanted, because of a restart or the end. */
  private run = new AbortController();
  private closed = false;

  constructor(
    private readonly options: () => ClientOptions,
    private readonly listeners: Omit<Listeners, "ended">,
  ) {}

  get status(): Status {
    return this.now;
  }

  /** A server that was greeted; it is started when none was yet. Rejects while there can be none. */
  ready(): Promise<Link> {
    if (this.closed) {
      return Promise.reject(new ClientClosed());
    }
    this.current ??= this.first(this.run.signal);
    return this.current;
  }

  /** Start anew, with what the options are now. The old server saves what runs first. */
  async restart(): Promise<void> {
    this.run.abort();
    this.run = new AbortController();
    this.crashes.reset();
    const old = this.link;
    this.link = undefined;
    const signal = this.run.signal;
    const start = Promise.resolve(old?.shutDown(SHUTDOWN_PATIENCE_MS)).then(() => this.first(signal));
    this.current = start;
    await start;
  }

  /** Close the server's input and wait a moment for its end. */
  async close(): Promise<void> {
    this.closed = true;
    this.run.abort();
    const link = this.link;
    this.link = undefined;
    await link?.close(CLOSE_PATIENCE_MS);
    this.set({ kind: "stopped" });
    this.statusChanged.dispose();
  }

  /** A start that somebody asked for. It isn't repeated: why it failed is for them to mend. */
  private async first(signal: AbortSignal): Promise<Link> {
    this.set({ kind: "starting" });
    try {
      return await this.launch(signal);
    } catch (error) {
      throw this.failed(error, signal);
    }
  }

  private async launch(signal: AbortSignal): Promise<Link> {
    const options = this.options();
    const place = { cwd: options.cwd ?? process.cwd(), env: environment(options) };
    const command = await findServer(options, place);
    const began = performance.now();
    const launch = { ...place, program: command.program, args: [...command.args, ...serveArguments(options)] };
    const link = await Link.open(launch, { ...this.listeners, ended: (ended, how) => this.ended(ended, how) });
    try {
      const patienceMs = command.origin === "uvx" ? DOWNLOAD_TIMEOUT_MS : INITIALIZE_TIMEOUT_MS;
      const initialized = await this.greet(link, options, patienceMs);
      if (signal.aborted) {
        throw new ClientClosed();
      }
      const startMs = performance.now() - began;
      this.use(link, { command, pid: link.pid, initialized, startMs });
      return link;
    } catch (error) {
      link.kill();
      throw error instanceof MeerkatError && error.code === "SERVER_EXITED" ? await earlyEnd(link) : error;
    }
  }

  private async greet(link: Link, options: ClientOptions, patienceMs: number): Promise<InitializeResult> {
    const capabilities = { session_events: false, session_changes: true, ...options.capabilities };
    const params = { client_info: options.clientInfo ?? null, process_id: process.pid, capabilities };
    const late = `the server did not answer within ${patienceMs / 1000} s`;
    const initialized = await within(patienceMs, link.request("initialize", params), late);
    await Promise.all([...this.preparations].map((prepare) => prepare(link)));
    return initialized;
  }

  private use(link: Link, server: RunningServer): void {
    this.link = link;
    this.readySince = performance.now();
    this.set({ kind: "ready", server });
  }

  private ended(link: Link, ending: string): void {
    if (link === this.link) {
      this.link = undefined;
      const reason = withLastWords(ending, link);
      this.current = this.again(reason, performance.now() - this.readySince, this.run.signal);
      this.current.catch(() => undefined); // the status says it, and whoever asks next is told
    }
  }

  private async again(firstReason: string, firstLife: number, signal: AbortSignal): Promise<Link> {
    let [reason, livedMs] = [firstReason, firstLife];
    for (;;) {
      const delayMs = this.crashes.crashed(livedMs);
      if (delayMs === undefined) {
        const message = `The server ended ${this.crashes.attempt} times in a row; the last time ${reason}.`;
        throw this.failed(new ServerFailed(message), signal);
      }
      this.set({ kind: "restarting", reason, attempt: this.crashes.attempt, delayMs });
      await sleep(delayMs, signal);
      try {
        return await this.launch(signal);
      } catch (error) {
        if (signal.aborted) {
          throw error;
        }
        [reason, livedMs] = [messageOf(error), 0];
      }
    }
  }

  private failed(error: unknown, signal: AbortSignal): MeerkatError {
    const known = error instanceof MeerkatError ? error : new ServerFailed(messageOf(error), { cause: error });
    if (!signal.aborted) {
      this.set({ kind: "failed", error: known });
    }
    return known;
  }

  private set(status: Status): void {
    this.now = status;
    this.statusChanged.fire(status);
  }
}

async function earlyEnd(link: Link): Promise<ServerFailed> {
  const ending = await link.ended;
  return new ServerFailed(`The server did not start: ${withLastWords(ending, link)}.`);
}

function withLastWords(ending: string, link: Link): string {
  return link.lastWords === "" ? ending : `${ending}, having said: ${link.lastWords}`;
}

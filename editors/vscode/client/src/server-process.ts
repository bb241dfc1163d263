/** The server as a child process: how it starts, what it says on stderr, and how it ends. */
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { spawn } from "node:child_process";

import type { Place } from "./program-search.js";

/** How much of stderr's end is kept for messages: enough for a traceback's last lines. */
const STDERR_TAIL_CHARS = 2_000;

/** How long its last words may take once it has ended. Longer, and something that it started holds the pipe. */
const LAST_WORDS_MS = 2_000;

/** What is started. */
export interface Launch extends Place {
  readonly program: string;
  readonly args: readonly string[];
}

/** A running server. */
export class ServerProcess {
  /** Resolves with why it ended, once everything it wrote has been read. It never rejects. */
  readonly ended: Promise<string>;
  private tail = "";

  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    onStderr: (text: string) => void,
  ) {
    child.stdin.on("error", () => undefined); // said by the exit
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.tail = (this.tail + text).slice(-STDERR_TAIL_CHARS);
      onStderr(text);
    });
    child.once("exit", () => {
      setTimeout(() => {
        this.closePipes();
      }, LAST_WORDS_MS).unref();
    });
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => resolve(ending(code, signal)));
    });
  }

  /** Start it. Rejects when there can be no such process. */
  static start(launch: Launch, onStderr: (text: string) => void): Promise<ServerProcess> {
    const child = spawn(launch.program, launch.args, { cwd: launch.cwd, env: launch.env, windowsHide: true });
    const process = new ServerProcess(child, onStderr);
    return new Promise((resolve, reject) => {
      child.once("spawn", () => resolve(process));
      child.once("error", reject);
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get stdin(): NodeJS.WritableStream {
    return this.child.stdin;
  }

  get stdout(): NodeJS.ReadableStream {
    return this.child.stdout;
  }

  /** The last line of what it said on stderr; empty when it said nothing. */
  get lastWords(): string {
    return this.tail.trimEnd().split("\n").at(-1)?.trim() ?? "";
  }

  /** Close its stdin, upon which it ends by itself, and wait for that at most so long. True: it has ended. */
  async close(patienceMs: number): Promise<boolean> {
    this.child.stdin.end();
    return this.endsWithin(patienceMs);
  }

  /** Wait for its end at most so long. */
  async endsWithin(patienceMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, patienceMs, false);
    });
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    return inTime;
  }

  /** End it now. What it acknowledged is kept. */
  kill(): void {
    this.child.kill("SIGKILL");
    this.closePipes(); // a program that it started, as uvx does, sees by them that it is time to end
  }

  private closePipes(): void {
    for (const pipe of [this.child.stdin, this.child.stdout, this.child.stderr]) {
      pipe.destroy();
    }
  }

  /** Let this program end without waiting for the process. */
  letGo(): void {
    this.child.unref();
    for (const stream of [this.child.stdin, this.child.stdout, this.child.stderr]) {
      (stream as unknown as { unref?: () => void }).unref?.();
    }
  }
}

function ending(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}

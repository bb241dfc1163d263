/** Reads the server's messages without holding up anything else. */
import type { DataCallback, Disposable, Message } from "vscode-jsonrpc/node";
import { AbstractMessageReader } from "vscode-jsonrpc/node";

import { Frames } from "./frames.js";

/** How long messages are read at a time before the host gets its turn: less than a frame. */
const WORK_MS = 8;

/**
 * Reads messages in order and hands each on at once.
 *
 * vscode-jsonrpc's own reader takes several promises and timers for each message, and queues whatever the pipe has: twenty
 * thousand at once cost more in garbage than in reading.
 */
export class PromptReader extends AbstractMessageReader {
  private readonly frames = new Frames();
  private bodies: Buffer[] = [];
  private waiting = false;

  constructor(private readonly input: NodeJS.ReadableStream) {
    super();
    input.once("close", () => {
      this.fireClose();
    });
    input.on("error", (error) => {
      this.fireError(error);
    });
  }

  /** Whether everything that came has been handed on. */
  get isIdle(): boolean {
    return this.bodies.length === 0;
  }

  listen(callback: DataCallback): Disposable {
    const read = (): void => {
      if (!this.waiting) {
        this.read(callback);
      }
    };
    this.input.on("readable", read);
    return {
      dispose: () => {
        this.input.off("readable", read);
      },
    };
  }

  private read(callback: DataCallback): void {
    const end = performance.now() + WORK_MS;
    try {
      while (this.hasMore()) {
        this.handOn(callback, end);
        if (performance.now() > end) {
          this.waiting = true;
          setImmediate(() => {
            this.waiting = false;
            this.read(callback);
          });
          return;
        }
      }
    } catch (error) {
      this.giveUp();
      this.fireError(error);
    }
  }

  /** Nothing more can be made of what comes; it is read all the same, or the process could not end. */
  private giveUp(): void {
    this.bodies = [];
    this.input.removeAllListeners("readable");
    this.input.resume();
  }

  /** What isn't read stays in the pipe: the server waits with the rest of it. */
  private hasMore(): boolean {
    while (this.bodies.length === 0) {
      const piece = this.input.read() as Buffer | null;
      if (piece === null) {
        return false;
      }
      this.bodies = this.frames.push(piece);
    }
    return true;
  }

  private handOn(callback: DataCallback, end: number): void {
    let place = 0;
    try {
      for (const body of this.bodies) {
        place += 1;
        callback(JSON.parse(body.toString("utf8")) as Message);
        if (performance.now() > end) {
          return;
        }
      }
    } finally {
      this.bodies = this.bodies.slice(place);
    }
  }
}

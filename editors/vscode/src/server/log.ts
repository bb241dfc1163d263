/** The logs that people can open: what happens, and, if they want, every message. */
import type { Client, Status, Traffic } from "meerkat-rpc-client";
import type { Disposable, LogOutputChannel } from "vscode";
import { window } from "vscode";

import { logsTraffic } from "../settings";

/** A longer message is cut in the log: one with an image would fill it alone. */
const LONGEST_MESSAGE_CHARS = 10_000;

/** The extension's log. */
export function createLog(): LogOutputChannel {
  return window.createOutputChannel("Meerkat", { log: true });
}

/** Write down what the server says on stderr and how it is. */
export function logServer(client: Client, log: LogOutputChannel): Disposable[] {
  const lines = new Lines((line) => {
    log.info(`server: ${line}`);
  });
  return [
    client.onStderr((text) => {
      lines.add(text);
    }),
    client.onDidChangeStatus((status) => {
      logStatus(status, log);
    }),
  ];
}

function logStatus(status: Status, log: LogOutputChannel): void {
  switch (status.kind) {
    case "ready": {
      const { command, initialized, pid, startMs } = status.server;
      const words = [command.program, ...command.args].join(" ");
      log.info(`${words} (${command.origin}), version ${initialized.server_info.version}, is process ${pid ?? "?"}`);
      log.info(`it answered after ${Math.round(startMs)} ms`);
      break;
    }
    case "restarting":
      log.warn(`the server is gone: ${status.reason}; starting it again in ${status.delayMs} ms`);
      break;
    case "failed":
      log.error(status.error.message);
      break;
    default:
      log.debug(`the server is ${status.kind}`);
  }
}

/** Text in pieces, line by line. */
class Lines {
  private rest = "";

  constructor(private readonly emit: (line: string) => void) {}

  add(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() !== "") {
        this.emit(line.trimEnd());
      }
    }
  }
}

/** A log of every message, as long as the setting is on. It has prompts and answers in it. */
export class TrafficLog implements Disposable {
  private channel: LogOutputChannel | undefined;
  private subscription: Disposable | undefined;

  constructor(private readonly client: Client) {
    this.update();
  }

  /** The setting may have changed. */
  update(): void {
    const wanted = logsTraffic();
    if (wanted && this.subscription === undefined) {
      this.channel ??= window.createOutputChannel("Meerkat Traffic", { log: true });
      this.subscription = this.client.onTraffic((traffic) => {
        this.write(traffic);
      });
    } else if (!wanted) {
      this.subscription?.dispose();
      this.subscription = undefined;
    }
  }

  show(): void {
    this.channel?.show(true);
  }

  dispose(): void {
    this.subscription?.dispose();
    this.channel?.dispose();
  }

  private write({ direction, message }: Traffic): void {
    const text = JSON.stringify(message);
    const cut = text.length - LONGEST_MESSAGE_CHARS;
    const shown = cut > 0 ? `${text.slice(0, LONGEST_MESSAGE_CHARS)}… (${cut} more)` : text;
    this.channel?.info(`${direction === "sent" ? "→" : "←"} ${shown}`);
  }
}

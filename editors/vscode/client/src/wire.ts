/** vscode-jsonrpc over a process' pipes, with an eye on every message. */
import type { Message, MessageConnection, NotificationMessage } from "vscode-jsonrpc/node";
import { createMessageConnection, Message as Kind, StreamMessageWriter } from "vscode-jsonrpc/node";

import { PromptReader } from "./reader.js";

/** One message as it went over the pipe. */
export interface Traffic {
  readonly direction: "sent" | "received";
  readonly message: Message;
}

/** Sees every message. */
export type Watcher = (traffic: Traffic) => void;

/** Is given notifications at once, in their order. */
export type Notified = (method: string, params: unknown) => void;

/** What is vscode-jsonrpc's own matter: the server takes a request of its own back. */
const CANCEL = "$/cancelRequest";

/** Keeps notifications from the queue of vscode-jsonrpc, which handles one message per turn of the event loop. */
class WatchedReader extends PromptReader {
  constructor(
    input: NodeJS.ReadableStream,
    private readonly watch: Watcher,
    private readonly notified: Notified,
  ) {
    super(input);
  }

  override listen(callback: (message: Message) => void): ReturnType<PromptReader["listen"]> {
    return super.listen((message) => {
      this.watch({ direction: "received", message });
      if (isOurs(message)) {
        this.notified(message.method, message.params);
      } else {
        callback(message);
      }
    });
  }
}

class WatchedWriter extends StreamMessageWriter {
  constructor(
    output: NodeJS.WritableStream,
    private readonly watch: Watcher,
  ) {
    super(output);
  }

  override write(message: Message): Promise<void> {
    this.watch({ direction: "sent", message });
    return super.write(message);
  }
}

/** A connection, and how to wait until everything that was read has been handled. */
export interface Wire {
  readonly connection: MessageConnection;
  handled(): Promise<void>;
}

/** Connect. Notifications are handled as they come; they may overtake an answer, and never one another. */
export function connect(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  watch: Watcher,
  notified: Notified,
): Wire {
  let unhandled = 0;
  const counted: Watcher = (traffic) => {
    unhandled += isOurs(traffic.message) ? 0 : 1;
    watch(traffic);
  };
  const reader = new WatchedReader(input, counted, notified);
  const connection = createMessageConnection(reader, new WatchedWriter(output, watch), undefined, {
    messageStrategy: {
      handleMessage: (message, next) => {
        unhandled -= 1;
        return next(message);
      },
    },
  });
  const handled = async (): Promise<void> => {
    while (!reader.isIdle) {
      await new Promise(setImmediate);
    }
    // A request that is cancelled while it is queued is never handled: the count alone would have no end.
    for (let turns = unhandled; turns > 0 && unhandled > 0; turns -= 1) {
      await new Promise(setImmediate);
    }
  };
  return { connection, handled };
}

function isOurs(message: Message): message is NotificationMessage {
  return Kind.isNotification(message) && message.method !== CANCEL;
}

/** vscode-jsonrpc over a process' pipes, with an eye on every message. */
import type { DataCallback, Disposable, Message, MessageConnection } from "vscode-jsonrpc/node";
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";

/** One message as it went over the pipe. */
export interface Traffic {
  readonly direction: "sent" | "received";
  readonly message: Message;
}

/** Sees every message. */
export type Watcher = (traffic: Traffic) => void;

class WatchedReader extends StreamMessageReader {
  constructor(
    input: NodeJS.ReadableStream,
    private readonly watch: Watcher,
  ) {
    super(input);
  }

  override listen(callback: DataCallback): Disposable {
    return super.listen((message) => {
      this.watch({ direction: "received", message });
      callback(message);
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

/** Connect. Messages are handled in the order in which they came, one per turn of the event loop. */
export function connect(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, watch: Watcher): Wire {
  let unhandled = 0;
  const counted: Watcher = (traffic) => {
    unhandled += traffic.direction === "received" ? 1 : 0;
    watch(traffic);
  };
  const connection = createMessageConnection(
    new WatchedReader(input, counted),
    new WatchedWriter(output, watch),
    undefined,
    {
      messageStrategy: {
        handleMessage: (message, next) => {
          unhandled -= 1;
          return next(message);
        },
      },
    },
  );
  const handled = async (): Promise<void> => {
    // A request that is cancelled while it is queued is never handled: the count alone would have no end.
    for (let turns = unhandled; turns > 0 && unhandled > 0; turns -= 1) {
      await new Promise(setImmediate);
    }
  };
  return { connection, handled };
}

/** What can go wrong. Every class has a `code` that is stable; its message is for people. */
import type { ErrorCode, ErrorData } from "./contract.js";
import { ErrorCodes } from "./contract.js";

/** The codes of what goes wrong on this side of the pipe. */
export type LocalCode = "SERVER_MISSING" | "SERVER_FAILED" | "SERVER_EXITED" | "CLIENT_CLOSED" | "CANCELLED";

/** Anything that this package throws on purpose. */
export abstract class MeerkatError extends Error {
  abstract readonly code: ErrorCode | LocalCode;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server refused a request, or a turn that was waited for failed. `data` is what it tells programs. */
export class ServerError extends MeerkatError {
  readonly code: ErrorCode;
  readonly data: ErrorData;

  constructor(message: string, number: number, data: unknown) {
    super(message);
    this.data = isErrorData(data) ? data : { code: codeOf(number) };
    this.code = codeOf(number, this.data.code);
  }
}

/** There is no server to start. The message says what to install or set. */
export class ServerMissing extends MeerkatError {
  readonly code = "SERVER_MISSING";
}

/** The server could not be started, or crashed so often that no more attempts are made. */
export class ServerFailed extends MeerkatError {
  readonly code = "SERVER_FAILED";
}

/** The server's process ended while a request was in flight that can't be repeated safely: it may have been done. */
export class ServerExited extends MeerkatError {
  readonly code = "SERVER_EXITED";
}

/** The client was disposed of. */
export class ClientClosed extends MeerkatError {
  readonly code = "CLIENT_CLOSED";

  constructor() {
    super("this client was closed");
  }
}

/** The caller's own signal took the request back before it was sent. */
export class Cancelled extends MeerkatError {
  readonly code = "CANCELLED";

  constructor() {
    super("the request was cancelled");
  }
}

/** Whether `error` is the server's, of that code. */
export function isServerError(error: unknown, code: ErrorCode): error is ServerError {
  return error instanceof ServerError && error.code === code;
}

/** What to tell people about anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isErrorData(data: unknown): data is ErrorData {
  return typeof data === "object" && data !== null && "code" in data && typeof data.code === "string";
}

/** A code that these types don't know is read by its number: a newer server may have more of them. */
function codeOf(number: number, name?: string): ErrorCode {
  if (name !== undefined && name in ErrorCodes) {
    return name as ErrorCode;
  }
  const codes = Object.keys(ErrorCodes) as ErrorCode[];
  return codes.find((code) => ErrorCodes[code] === number) ?? "INTERNAL_ERROR";
}

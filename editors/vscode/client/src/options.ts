/** What a client may be told. Nothing of it is required. */
import type { ClientInfo, JsonValue } from "./contract.js";
import type { Wanted } from "./discovery.js";

/** How to find, start and greet the server. */
export interface ClientOptions extends Wanted {
  /** The folder that the server works in; this process' own by default. */
  readonly cwd?: string | undefined;
  /** Added to this process' environment; `null` removes a name. */
  readonly env?: Readonly<Record<string, string | null>> | undefined;
  /** The default model of sessions that name none. */
  readonly model?: string | null | undefined;
  /** Further arguments of `meerkat-rpc serve`. */
  readonly serverArgs?: readonly string[] | undefined;
  readonly clientInfo?: ClientInfo | undefined;
  /** Added to what this client asks for at `initialize`. */
  readonly capabilities?: Readonly<Record<string, JsonValue>> | undefined;
}

/** The environment that the server gets. */
export function environment(options: ClientOptions): NodeJS.ProcessEnv {
  const entries = Object.entries({ ...process.env, ...options.env });
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as NodeJS.ProcessEnv;
}

/** The arguments that follow the program's own. */
export function serveArguments(options: ClientOptions): string[] {
  const model = options.model ?? "";
  return ["serve", ...(model === "" ? [] : ["--model", model]), ...(options.serverArgs ?? [])];
}

/** What the suites share: clients over a store of their own, and waiting for something with a bound. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { after } from "node:test";

import type { ClientOptions, JsonValue, SessionEventParams, Status } from "meerkat-rpc-client";
import { Client, newId } from "meerkat-rpc-client";

/** Far beyond what a loaded machine needs. */
const BOUND_MS = 60_000;

/** A folder that is gone when the test is over. */
export function folder(test: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "meerkat-client-"));
  test.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** A client that is disposed of when the test is over. Those of one store share its sessions. */
export function client(test: TestContext, options: ClientOptions & { readonly store?: string } = {}): Client {
  const { store = folder(test), env, ...rest } = options;
  const made = new Client({ ...rest, env: { MEERKAT_MODEL: "echo", MEERKAT_STORE: store, ...env } });
  test.after(() => made.dispose());
  return made;
}

let common: { readonly client: Client; readonly store: string } | undefined;

/** One client for all tests of a suite that leave their server as it is. */
export function shared(): Client {
  if (common === undefined) {
    const store = mkdtempSync(join(tmpdir(), "meerkat-client-"));
    common = { store, client: new Client({ env: { MEERKAT_MODEL: "echo", MEERKAT_STORE: store } }) };
  }
  return common.client;
}

// Here and not where it is made: there it would belong to the first test.
after(async () => {
  if (common !== undefined) {
    await common.client.dispose();
    rmSync(common.store, { recursive: true, force: true, maxRetries: 5 });
  }
});

/** A session whose turns do what the script says; without one they echo. */
export async function session(client: Client, script?: readonly JsonValue[]): Promise<string> {
  const id = newId();
  const settings = script === undefined ? {} : { model: "scripted", provider_params: { script: [...script] } };
  await client.request("session/create", { session_id: id, initial_turn: "deferred", ...settings });
  return id;
}

/** Wait until `look` gives something. */
export async function until<T>(look: () => T | undefined | false, what: string): Promise<T> {
  const end = Date.now() + BOUND_MS;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`waited in vain for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Every status from now on. */
export function statuses(client: Client): Status[] {
  const seen: Status[] = [];
  client.onDidChangeStatus((status) => seen.push(status));
  return seen;
}

/** The process id of the server that runs. */
export function pidOf({ status }: Client): number {
  if (status.kind !== "ready" || status.server.pid === undefined) {
    throw new Error(`the server is ${status.kind}`);
  }
  return status.server.pid;
}

/** End the server as a machine out of memory does. */
export function kill(client: Client): void {
  process.kill(pidOf(client), "SIGKILL");
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The types of events. */
export function types(events: readonly SessionEventParams[]): string[] {
  return events.map(({ event }) => event.type);
}

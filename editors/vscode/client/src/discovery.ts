/** Which program is the server: the one that was named, or the first of the usual ones that is there. */
import { execFile } from "node:child_process";

import { splitCommand } from "./command-line.js";
import { ServerMissing } from "./errors.js";
import type { Place } from "./program-search.js";
import { findProgram } from "./program-search.js";

/** How long a Python may take to say whether it has the server: a cold start on a slow disk takes seconds. */
const PYTHON_TIMEOUT_MS = 10_000;

const PYTHONS = process.platform === "win32" ? ["python", "py"] : ["python3"];

/** Where a command came from. */
export type Origin = "setting" | "PATH" | "python" | "uvx";

/** A server's program with the arguments that come before `serve`. */
export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly origin: Origin;
}

/** What a user said about the command. */
export interface Wanted {
  /** Program and arguments, as a list or as one would write them in a shell; empty or absent: look for it. */
  readonly command?: string | readonly string[] | null | undefined;
  /** What people call the place of `command`, for messages. */
  readonly settingName?: string | undefined;
}

/** Find the server. Throws ServerMissing, which says what to do. */
export async function findServer(wanted: Wanted, place: Place): Promise<ServerCommand> {
  const named = wanted.command ?? [];
  if (named.length > 0) {
    return fromSetting(named, wanted, place);
  }
  const found = (await fromPath(place)) ?? (await fromPython(place)) ?? (await fromUvx(place));
  if (found === undefined) {
    throw new ServerMissing(whatToInstall(wanted));
  }
  return found;
}

/** No other program takes the place of one that was named: whoever names one wants to know when it is gone. */
async function fromSetting(named: string | readonly string[], wanted: Wanted, place: Place): Promise<ServerCommand> {
  const whole = typeof named === "string" ? await findProgram(named, place) : undefined;
  const [name = "", ...args] = typeof named === "string" ? splitCommand(named) : named;
  const program = whole ?? (await findProgram(name, place));
  if (program === undefined) {
    throw new ServerMissing(
      `${settingOf(wanted)} names "${name}", but there is no such program. Correct it, or clear it to have the server looked for.`,
    );
  }
  return { program, args: whole === undefined ? args : [], origin: "setting" };
}

async function fromPath(place: Place): Promise<ServerCommand | undefined> {
  const program = await findProgram("meerkat-rpc", place);
  return program === undefined ? undefined : { program, args: [], origin: "PATH" };
}

async function fromPython(place: Place): Promise<ServerCommand | undefined> {
  for (const name of PYTHONS) {
    const program = await findProgram(name, place);
    const args = ["-m", "meerkat_rpc"];
    if (program !== undefined && (await succeeds(program, [...args, "--version"], place))) {
      return { program, args, origin: "python" };
    }
  }
  return undefined;
}

async function fromUvx(place: Place): Promise<ServerCommand | undefined> {
  const program = await findProgram("uvx", place);
  return program === undefined ? undefined : { program, args: ["meerkat-rpc"], origin: "uvx" };
}

function succeeds(program: string, args: string[], { env, cwd }: Place): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { env, cwd, timeout: PYTHON_TIMEOUT_MS, windowsHide: true };
    execFile(program, args, options, (error) => resolve(error === null));
  });
}

function whatToInstall(wanted: Wanted): string {
  return (
    "The server, meerkat-rpc, is not installed. Install it with `pip install meerkat-rpc`, or with a small model that needs " +
    `no key with \`pipx install 'meerkat-rpc[local]'\`; if it is somewhere else, name it in ${settingOf(wanted)}.`
  );
}

function settingOf(wanted: Wanted): string {
  return wanted.settingName === undefined ? "the option `command`" : `the setting ${wanted.settingName}`;
}

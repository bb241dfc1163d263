/** Programs on PATH. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** What a program's name may end with where nobody says: Windows' usual list, when PATHEXT is unset. */
const WINDOWS_EXTENSIONS = ".COM;.EXE;.BAT;.CMD";

/** Where to look: the environment of the server to be, and the folder that relative names begin at. */
export interface Place {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** The path of a program, named alone (then PATH is searched) or by a path; `undefined` when it can't be run. */
export async function findProgram(name: string, place: Place): Promise<string | undefined> {
  for (const candidate of candidates(withHome(name), place)) {
    if (await isExecutable(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

function candidates(name: string, { env, cwd }: Place): string[] {
  const folders = /[\\/]/u.test(name) ? [cwd] : pathOf(env).split(delimiter).filter(Boolean);
  const paths = folders.map((folder) => (isAbsolute(name) ? name : resolve(cwd, folder, name)));
  return paths.flatMap((path) => extensions(env).map((extension) => path + extension));
}

function extensions(env: NodeJS.ProcessEnv): string[] {
  if (process.platform !== "win32") {
    return [""];
  }
  return ["", ...(env["PATHEXT"] ?? WINDOWS_EXTENSIONS).split(";")];
}

/** Windows' environment has the name in any case; a copy of it has lost the magic that finds it. */
function pathOf(env: NodeJS.ProcessEnv): string {
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH");
  return name === undefined ? "" : (env[name] ?? "");
}

function withHome(name: string): string {
  return /^~[\\/]/u.test(name) ? join(homedir(), name.slice(2)) : name;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Files of a folder, for completing `@`. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { bestMatches } from "./matching";

/** How long a list holds: nobody notices a file that is seconds old, and somebody who types asks with each key. */
const KEEP_MS = 10_000;

/** Enough for any project that people type paths of; beyond it the list is cut. */
const MOST_FILES = 50_000;

/** Somebody's whole home may be the folder: looking at so many folders takes about a second. */
const MOST_FOLDERS = 5_000;

/** Folders of what others wrote. */
const PACKAGES = new Set(["node_modules", "__pycache__", "target", "venv"]);

/** The output of git for so many files. */
const GIT_OUTPUT_BYTES = 16 * 1024 * 1024;

const run = promisify(execFile);

interface Listing {
  readonly files: Promise<readonly string[]>;
  readonly until: number;
}

/** Lists folders' files and finds those that somebody means. */
export class Files {
  private readonly listings = new Map<string, Listing>();

  /** The files that `typed` may stand for, the likeliest first, relative to the folder. */
  async find(folder: string, typed: string, limit: number): Promise<readonly string[]> {
    return bestMatches(await this.list(folder), typed, limit);
  }

  private list(folder: string): Promise<readonly string[]> {
    const now = Date.now();
    const kept = this.listings.get(folder);
    if (kept !== undefined && kept.until > now) {
      return kept.files;
    }
    const files = listFiles(folder);
    this.listings.set(folder, { files, until: now + KEEP_MS });
    return files;
  }
}

/** What git knows or would add; without git, what lies there. */
async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    const { stdout } = await run("git", args, { cwd: folder, maxBuffer: GIT_OUTPUT_BYTES });
    return stdout.split("\0").filter(Boolean).slice(0, MOST_FILES);
  } catch {
    return walk(folder);
  }
}

/** The files below a folder, those near its top first. Hidden folders and installed packages are left out. */
async function walk(folder: string): Promise<readonly string[]> {
  const files: string[] = [];
  const folders = [""];
  for (let place = 0; place < Math.min(folders.length, MOST_FOLDERS) && files.length < MOST_FILES; place += 1) {
    const parent = folders[place] ?? "";
    const entries = await readdir(join(folder, parent), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = parent + entry.name;
      if (entry.isFile()) {
        files.push(path);
      } else if (entry.isDirectory() && !entry.name.startsWith(".") && !PACKAGES.has(entry.name)) {
        folders.push(`${path}/`);
      }
    }
  }
  return files.sort();
}

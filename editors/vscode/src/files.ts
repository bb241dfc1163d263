/** Files of a folder, for completing `@`. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { RelativePattern, Uri, workspace } from "vscode";

import { bestMatches } from "./matching";

/** How long a list holds: nobody notices a file that is seconds old, and somebody who types asks with each key. */
const KEEP_MS = 10_000;

/** Enough for any project that people type paths of; beyond it the list is cut. */
const MOST_FILES = 50_000;

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

/** What git knows or would add; without git, what the editor finds. */
async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    const { stdout } = await run("git", args, { cwd: folder, maxBuffer: GIT_OUTPUT_BYTES });
    return stdout.split("\0").filter(Boolean).slice(0, MOST_FILES);
  } catch {
    const found = await workspace.findFiles(new RelativePattern(Uri.file(folder), "**/*"), undefined, MOST_FILES);
    return found.map(({ path }) => path.slice(Uri.file(folder).path.length + 1)).sort();
  }
}

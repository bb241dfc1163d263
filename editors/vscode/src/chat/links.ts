/** Opening what an answer links to. */
import { isAbsolute, join } from "node:path";

import { env, FileType, Position, Range, Uri, window, workspace } from "vscode";

const WEB = /^(https?|mailto):/iu;

/** `#L12`, `#L12-20` or `:12` behind a path. */
const LINES = /(?:#L(\d+)(?:-L?(\d+))?|:(\d+)(?::\d+)?)$/u;

/** Opens a web page outside (VS Code asks before it does), or a file of the session's folder in an editor. */
export async function openLink(href: string, cwd: string | null): Promise<void> {
  if (WEB.test(href)) {
    await env.openExternal(Uri.parse(href, true));
    return;
  }
  const { path, lines } = parse(href);
  const uri = await file(path, cwd);
  if (!uri) {
    window.setStatusBarMessage(`Meerkat: there is no file ${path}`, 5000);
    return;
  }
  await window.showTextDocument(uri, { preview: true, ...(lines ? { selection: lines } : {}) });
}

function parse(href: string): { path: string; lines: Range | undefined } {
  const found = LINES.exec(href);
  const path = decoded(found ? href.slice(0, found.index) : href);
  const start = Number(found?.[1] ?? found?.[3] ?? 0);
  if (start === 0) return { path, lines: undefined };
  const end = Number(found?.[2] ?? start);
  return { path, lines: new Range(new Position(start - 1, 0), new Position(Math.max(start, end) - 1, 0)) };
}

/** The file, if there is one. Paths of other machines are left alone: to look whether they exist would call those machines. */
async function file(path: string, cwd: string | null): Promise<Uri | undefined> {
  if (/^[\\/]{2}/u.test(path) || /^[a-z][a-z0-9+.-]+:/iu.test(path)) return undefined;
  const folder = cwd ?? workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (!isAbsolute(path) && !folder) return undefined;
  const uri = Uri.file(isAbsolute(path) ? path : join(folder ?? "", path));
  try {
    const { type } = await workspace.fs.stat(uri);
    return type & FileType.File ? uri : undefined;
  } catch {
    return undefined;
  }
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

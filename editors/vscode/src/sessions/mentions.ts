/** Files that a prompt names with `@`: they go with it. The rule is the one of the server's own chat. */
import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, extname, join, resolve } from "node:path";

import type { Attachment, PromptBlock } from "meerkat-rpc-client";

/** A mention begins a word: neither an address, `a@b`, nor anything else with the sign inside is one. */
const MENTION = /(?<![^\s([{"'])@(?:"([^"\n]+)"|([^\s"]+))/gu;

/** What may stand behind a name without being part of it. */
const TRAILING = /[.,;:!?)\]}'"]$/u;

/** What models read as images; everything else goes as a file. */
const IMAGE_EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".gif", ".webp"]);

/** What to send: the text alone, or the text and the files that it mentions and that are there, each once. */
export async function withMentions(prompt: string, cwd: string): Promise<string | PromptBlock[]> {
  const files = await Promise.all(mentions(prompt).map((names) => firstFile(names, cwd)));
  const paths = new Set(files.filter((path) => path !== undefined));
  if (paths.size === 0) {
    return prompt;
  }
  return [{ type: "text", text: prompt }, ...[...paths].map(blockOf)];
}

/** What a message will have for these blocks, but for what only the server knows: digest and media type. */
export async function attachmentsOf(blocks: readonly PromptBlock[]): Promise<Attachment[]> {
  const files = blocks.filter((block) => block.type !== "text");
  return Promise.all(
    files.map(async ({ type: kind, name, path }) => {
      const size = await stat(path ?? "").then(
        (found) => found.size,
        () => 0,
      );
      return { kind, name: name ?? "", media_type: "", digest: "", size };
    }),
  );
}

function blockOf(path: string): PromptBlock {
  const type = IMAGE_EXTENSIONS.has(extname(path).toLowerCase()) ? "image" : "file";
  return { type, name: basename(path), path };
}

/** What each mention may be the name of, the likeliest first. */
function mentions(prompt: string): string[][] {
  return [...prompt.matchAll(MENTION)].map(([, quoted, bare = ""]) =>
    quoted === undefined ? withoutTrailing(bare) : [quoted],
  );
}

function withoutTrailing(name: string): string[] {
  const names = [name];
  for (let rest = name; TRAILING.test(rest) && rest.length > 1;) {
    rest = rest.slice(0, -1);
    names.push(rest);
  }
  return names;
}

async function firstFile(names: readonly string[], cwd: string): Promise<string | undefined> {
  for (const name of names) {
    const path = resolve(cwd, name.startsWith("~/") ? join(homedir(), name.slice(2)) : name);
    if (await isFile(path)) {
      return path;
    }
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false; // gone this moment, or no name for a file at all
  }
}

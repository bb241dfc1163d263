/** What the extension makes of names, places and times. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { folder } from "../client/test/support";
import { Files } from "../src/files";
import { bestMatches } from "../src/matching";
import { age } from "../src/session-list/wording";
import { withMentions } from "../src/sessions/mentions";
import { fenced, References } from "../src/sessions/references";

test("files that a prompt mentions go with it, each once, and nothing else does", async (context) => {
  const cwd = folder(context);
  mkdirSync(join(cwd, "src"));
  for (const name of ["a.ts", "src/b c.md", "Ünïcode🦦.txt", "pic.PNG"]) {
    writeFileSync(join(cwd, name), "");
  }
  const prompt =
    'See @a.ts, (@a.ts) @"src/b c.md"; @Ünïcode🦦.txt! @pic.PNG: not me@a.ts, @src, @nothing or @pytest.mark.';
  assert.deepEqual(await withMentions(prompt, cwd), [
    { type: "text", text: prompt },
    { type: "file", name: "a.ts", path: join(cwd, "a.ts") },
    { type: "file", name: "b c.md", path: join(cwd, "src/b c.md") },
    { type: "file", name: "Ünïcode🦦.txt", path: join(cwd, "Ünïcode🦦.txt") },
    { type: "image", name: "pic.PNG", path: join(cwd, "pic.PNG") },
  ]);
  assert.equal(await withMentions("mail me@a.ts", cwd), "mail me@a.ts");
  assert.equal(await withMentions("@\u0000", cwd), "@\u0000");
});

test("the likeliest path comes first", () => {
  const paths = ["docs/session.md", "src/sessions/model.ts", "src/session.ts", "test/x.ts", "src/s/e/s/x.ts"];
  assert.deepEqual(bestMatches(paths, "ses", 10), [
    "src/session.ts",
    "docs/session.md",
    "src/sessions/model.ts",
    "src/s/e/s/x.ts",
  ]);
  assert.deepEqual(bestMatches(paths, "src/se", 1), ["src/session.ts"]);
  assert.equal(bestMatches(paths, "", 3).length, 3);
  assert.deepEqual(bestMatches(paths, "zzz", 3), []);
});

test("files are found with git, which leaves ignored ones out, and without", async (context) => {
  const cwd = folder(context);
  for (const path of ["src", "node_modules/x", ".hidden", "out"]) {
    mkdirSync(join(cwd, path), { recursive: true });
  }
  for (const path of ["src/größe.ts", "node_modules/x/index.js", ".hidden/x", "out/x.js", "README.md"]) {
    writeFileSync(join(cwd, path), "");
  }
  assert.deepEqual(await new Files().find(cwd, "", 9), ["out/x.js", "README.md", "src/größe.ts"]);
  execFileSync("git", ["init", "-q"], { cwd });
  writeFileSync(join(cwd, ".gitignore"), "out/\nnode_modules/\n.hidden/\n");
  assert.deepEqual([...(await new Files().find(cwd, "", 9))].sort(), [".gitignore", "README.md", "src/größe.ts"]);
  assert.deepEqual(await new Files().find(cwd, "grö", 9), ["src/größe.ts"]);
  assert.deepEqual(await new Files().find(join(cwd, "nowhere"), "", 9), []);
});

test("fifty thousand paths are searched while one types", () => {
  const paths = Array.from({ length: 50_000 }, (_, place) => `packages/part-${place % 100}/src/module-${place}.ts`);
  const before = performance.now();
  assert.equal(bestMatches(paths, "module-49999", 20)[0], "packages/part-99/src/module-49999.ts");
  assert(performance.now() - before < 1_000);
});

test("a fence is longer than any in the text", () => {
  assert.equal(fenced("x\n", "ts"), "```ts\nx\n```");
  assert.equal(fenced("````\nx\n````", "md"), "`````md\n````\nx\n````\n`````");
});

test("references stand behind the prompt, each place once, as it was last", () => {
  const references = new References();
  references.add({ label: "a.ts#L1-2", text: "old" });
  references.add({ label: "b.ts#L3", text: "b" });
  references.add({ label: "a.ts#L1-2", text: "new" });
  assert.equal(references.appendTo("Why?"), "Why?\n\nb.ts#L3\nb\n\na.ts#L1-2\nnew");
  const [first] = references.shown;
  assert(first !== undefined);
  references.remove(first.id);
  assert.equal(references.appendTo(""), "a.ts#L1-2\nnew");
});

test("ages have one unit", () => {
  const now = 1_800_000_000_000;
  const ages = [0, 59, 60, 3_600, 86_399, 86_400, 31 * 86_400, 800 * 86_400].map((s) => age(now / 1000 - s, now));
  assert.deepEqual(ages, ["now", "now", "1 min", "1 h", "23 h", "1 d", "1 mo", "2 y"]);
  assert.equal(age(now / 1000 + 100, now), "now");
});

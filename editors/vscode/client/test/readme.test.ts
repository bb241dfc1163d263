import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";

import { folder } from "./support";

test("the README's example does what it says", (context) => {
  const home = resolve("client");
  const blocks = [...readFileSync(join(home, "README.md"), "utf8").matchAll(/```(\w+)\n(.*?)```/gsu)];
  const [example] = blocks.filter(([, language]) => language === "js").map(([, , text]) => text);
  const [output] = blocks.filter(([, language]) => language === "text").map(([, , text]) => text);
  assert(example !== undefined && output !== undefined);
  const program = join(home, "example-of-readme.mjs"); // beside the package, so that its name is found
  writeFileSync(program, example);
  context.after(() => rmSync(program));
  const env = { ...process.env, MEERKAT_STORE: folder(context), MEERKAT_MODEL: "echo" };
  assert.equal(execFileSync(process.execPath, [program], { env, encoding: "utf8" }), output);
});

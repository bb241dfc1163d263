import assert from "node:assert/strict";
import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";

import { findServer, ServerMissing } from "meerkat-rpc-client";

import { client, folder } from "./support";

const PATH = process.env["PATH"] ?? "";

/** The program as this machine has it. */
async function installed(): Promise<string> {
  return (await findServer({}, { env: process.env, cwd: "/" })).program;
}

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

function find(
  command: string | string[] | null,
  env: NodeJS.ProcessEnv = { PATH },
  cwd = "/",
): ReturnType<typeof findServer> {
  return findServer({ command, settingName: "the.setting" }, { env, cwd });
}

async function runs(test: TestContext, env: Record<string, string>): Promise<string> {
  const user = client(test, { env });
  await user.start();
  assert(user.status.kind === "ready");
  return user.status.server.command.origin;
}

test("a program on PATH is the server", async () => {
  const found = await find(null);
  assert.equal(found.origin, "PATH");
  assert.match(found.program, /meerkat-rpc$/u);
  assert.deepEqual(found.args, []);
});

test("a setting may be a list, a path, or words as in a shell", async (context) => {
  const program = await installed();
  const spaced = join(folder(context), "my server");
  symlinkSync(program, spaced);
  assert.deepEqual(await find([program, "--x"]), { program, args: ["--x"], origin: "setting" });
  assert.deepEqual((await find(spaced)).program, spaced);
  assert.deepEqual(await find(`"${spaced}" --store 'a b'`), {
    program: spaced,
    args: ["--store", "a b"],
    origin: "setting",
  });
  assert.equal((await find("meerkat-rpc")).program, program);
});

test("a setting that names no program is an error, and nothing else is taken instead", async () => {
  await assert.rejects(find("/nowhere/meerkat-rpc --x"), (error) => {
    assert(error instanceof ServerMissing);
    assert.equal(error.code, "SERVER_MISSING");
    assert.match(error.message, /the setting the\.setting names "\/nowhere\/meerkat-rpc"/u);
    return true;
  });
});

test("a Python that has the module is the next best", async (context) => {
  const bin = folder(context);
  const python = join(await installed(), "..", "python3");
  script(join(bin, "python3"), `exec '${python}' "$@"`);
  const found = await find(null, { PATH: bin });
  assert.deepEqual(found, { program: join(bin, "python3"), args: ["-m", "meerkat_rpc"], origin: "python" });
  assert.equal(await runs(context, { PATH: bin }), "python");
});

test("a Python without the module is passed over for uvx", async (context) => {
  const bin = folder(context);
  script(join(bin, "python3"), "exit 1");
  script(join(bin, "uvx"), `shift; exec '${await installed()}' "$@"`);
  assert.equal(await runs(context, { PATH: bin }), "uvx");
});

test("without any, the message says what to install and which setting there is", async (context) => {
  const empty = folder(context);
  await assert.rejects(find(null, { PATH: empty }), /pip install meerkat-rpc.*the setting the\.setting/u);
  await assert.rejects(client(context, { env: { PATH: empty } }).request("session/list", {}), ServerMissing);
});

test("folders and files that can't be run are no programs", async (context) => {
  const first = folder(context);
  writeFileSync(join(first, "meerkat-rpc"), "not executable");
  const found = await find(null, { PATH: [first, PATH].join(delimiter) });
  assert.notEqual(found.program, join(first, "meerkat-rpc"));
  await assert.rejects(find(first), ServerMissing);
});

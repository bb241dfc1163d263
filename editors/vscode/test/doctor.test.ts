/** The doctor, with a real server and without one. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { client, folder } from "../client/test/support";
import type { Circumstances } from "../src/doctor/checks";
import { examine, report } from "../src/doctor/checks";

const HERE: Circumstances = {
  editorVersion: "1.100.3",
  minimumVersion: "1.100.0",
  extensionVersion: "0.1.0",
  nodeVersion: "20.0.0",
  folder: "/project",
  logPath: "/logs",
  lastCrash: undefined,
  commandSetting: "meerkat.server.command",
};

test("a machine on which all is well", async (context) => {
  const store = folder(context);
  const findings = await examine(client(context, { store }), HERE);
  assert.deepEqual(
    findings.map(({ subject, level }) => `${subject} ${level}`),
    "Editor Extension Folder Command Server Start Store Model Sessions Log"
      .split(" ")
      .flatMap((subject) => (subject === "Log" ? ["Last crash ok", "Log ok"] : [`${subject} ok`])),
  );
  const text = report(findings);
  assert.match(text, /All is well/u);
  assert(text.includes(store), text);
  assert.match(text, /Model: echo; \d+ of \d+/u);
});

test("without a server it says what to install, and the rest all the same", async (context) => {
  const user = client(context, { env: { PATH: folder(context) } });
  const text = report(await examine(user, HERE));
  assert.match(text, /✗ error – Server: .*pip install meerkat-rpc/u);
  assert.match(text, /Fix: .*meerkat\.server\.command/u);
  assert.match(text, /Log: \/logs/u);
});

test("an old editor, a crash and a model that can't be used are told with what mends them", async (context) => {
  const user = client(context, { env: { MEERKAT_MODEL: "anthropic:claude-sonnet-4-5", ANTHROPIC_API_KEY: null } });
  const lastCrash = { reason: "it was ended by SIGKILL", at: new Date(0) };
  const findings = await examine(user, { ...HERE, editorVersion: "1.99.9", lastCrash });
  const text = report(findings);
  assert.match(text, /✗ error – Editor: VS Code 1\.99\.9 is older than 1\.100\.0\n {2}- Fix: Update/u);
  assert.match(text, /⚠ warning – Last crash: .*SIGKILL/u);
  assert.match(text, /✗ error – Model: .*claude/u);
  assert.match(text, /3 things to look at/u);
});

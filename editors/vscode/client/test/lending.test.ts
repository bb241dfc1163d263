import assert from "node:assert/strict";
import { test } from "node:test";

import type { Client, JsonValue, LentTool } from "meerkat-rpc-client";
import { lendTools, runTurn } from "meerkat-rpc-client";

import { client, kill, session, shared, statuses, until } from "./support";

function tool(name: string, execute: LentTool["execute"]): LentTool {
  return { name, description: "A tool of the tests", input_schema: { type: "object", properties: {} }, execute };
}

/** The results that a turn's tools had, as the model reads them. */
async function results(user: Client, name: string, args: JsonValue = {}): Promise<[JsonValue, boolean][]> {
  const id = await session(user, [{ tool: { name, args } }, { text: "done" }]);
  const found: [JsonValue, boolean][] = [];
  for await (const { event } of runTurn(user, { sessionId: id, prompt: "use it" })) {
    if (event.type === "tool_execution_completed") {
      found.push([event.result, event.is_error]);
    }
  }
  return found;
}

test("a tool that is lent is called with its arguments, and its result is read", async () => {
  const user = shared();
  await lendTools(user, [
    tool("shout", async (args) => Promise.resolve((args as { text: string }).text.toUpperCase())),
  ]);
  assert.deepEqual(await results(user, "shout", { text: "größer 🦦" }), [["GRÖSSER 🦦", false]]);
});

test("what a tool throws is told to the model", async () => {
  const user = shared();
  await lendTools(user, [tool("fail", () => Promise.reject(new Error("the file is locked")))]);
  assert.deepEqual(await results(user, "fail"), [["the file is locked", true]]);
});

test("tools are lent to the next server as well, before anything is asked of it", async (context) => {
  const user = client(context);
  await lendTools(user, [tool("now", async () => Promise.resolve("noon"))]);
  const seen = statuses(user);
  await user.start();
  kill(user);
  await until(() => seen.some(({ kind }) => kind === "restarting"), "the crash");
  assert.deepEqual(await results(user, "now"), [["noon", false]]);
});

test("stopping the turn aborts the tool that runs", async () => {
  const user = shared();
  const controller = new AbortController();
  let aborted = false;
  const wait: LentTool["execute"] = (_args, _call, signal) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        resolve("stopped");
      });
      controller.abort();
    });
  await lendTools(user, [tool("wait", wait)]);
  const id = await session(user, [{ tool: { name: "wait", args: {} } }]);
  const last: string[] = [];
  for await (const { event } of runTurn(user, { sessionId: id, prompt: "go", signal: controller.signal })) {
    last.push(event.type);
  }
  assert.equal(last.at(-1), "run_failed");
  await until(() => aborted, "the tool's signal");
});

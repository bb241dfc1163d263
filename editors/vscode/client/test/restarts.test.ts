import assert from "node:assert/strict";
import { test } from "node:test";

import { isServerError, newId, ServerExited, ServerFailed } from "meerkat-rpc-client";

import { client, isAlive, kill, pidOf, session, statuses, until } from "./support";

const SLOW = [{ text: "one ", delay_ms: 5, repeat: 20 }];

test("a server that was killed is said once and started again", async (context) => {
  const user = client(context);
  await user.start();
  const seen = statuses(user);
  kill(user);
  await until(() => seen.at(-1)?.kind === "ready", "another server");
  assert.deepEqual(
    seen.map(({ kind }) => kind),
    ["restarting", "ready"],
  );
  const [first] = seen;
  assert(first?.kind === "restarting");
  assert.match(first.reason, /SIGKILL/u);
  assert.equal(first.delayMs, 250);
});

test("a request that only reads is repeated, and whoever asked doesn't notice", async (context) => {
  const user = client(context);
  const id = await session(user);
  const answers = Array.from({ length: 50 }, () => user.request("session/read", { session_id: id }));
  kill(user);
  assert((await Promise.all(answers)).every(({ session_id }) => session_id === id));
});

test("a turn with an id of its own runs once, whenever its server dies", async (context) => {
  const user = client(context);
  const id = await session(user, SLOW);
  for (const delay of [0, 4]) {
    const prompt = `killed after ${delay} ms`;
    const turn = user.request("turn/start", { session_id: id, prompt, turn_id: newId(), wait: false });
    const outcome = turn.then(() => "accepted").catch((error: unknown) => error);
    setTimeout(kill, delay, user);
    const answer = await outcome;
    assert(answer === "accepted" || isServerError(answer, "TURN_CANCELLED"), String(answer));
    await until(() => user.status.kind === "ready", "another server");
    while ((await user.request("session/read", { session_id: id })).state === "running");
    const { messages } = await user.request("session/history", { session_id: id });
    assert.equal(messages.filter(({ content }) => content === prompt).length, 1);
  }
});

test("what might have been done is not done again", async (context) => {
  const user = client(context);
  const id = await session(user, [{ sleep_ms: 60_000 }]);
  const nameless = user.request("turn/start", { session_id: id, prompt: "no id" });
  const refused = assert.rejects(nameless, ServerExited);
  for (let running = false; !running;) {
    running = (await user.request("session/read", { session_id: id })).state === "running";
  }
  kill(user);
  await refused;
});

test("a server that can't start says why, at once", async (context) => {
  const user = client(context, { serverArgs: ["--no-such-option"] });
  const seen = statuses(user);
  await assert.rejects(user.start(), (error) => {
    assert(error instanceof ServerFailed);
    assert.match(error.message, /did not start: it ended with exit code 2.*no-such-option/u);
    return true;
  });
  await assert.rejects(user.request("session/list", {}), ServerFailed);
  assert.deepEqual(
    seen.map(({ kind }) => kind),
    ["starting", "failed"],
  );
});

test("a program that is no server is told from one", async (context) => {
  for (const output of [
    "yes",
    "printf 'Content-Length: 3\\r\\n\\r\\n{x}more'; cat",
    "printf 'Content-Length: x\\r\\n\\r\\n'; cat",
  ]) {
    const user = client(context, { command: ["sh", "-c", output] });
    await assert.rejects(user.start(), ServerFailed);
  }
});

test("after five crashes in a row there are no more attempts, until somebody asks for one", async (context) => {
  const user = client(context);
  await user.start();
  const delays: number[] = [];
  user.onDidChangeStatus((status) => {
    if (status.kind === "restarting") {
      delays.push(status.delayMs);
    } else if (status.kind === "ready" && delays.length > 0) {
      setImmediate(kill, user);
    }
  });
  kill(user);
  await until(() => user.status.kind === "failed", "the end of the attempts");
  assert.deepEqual(delays, [250, 500, 1000, 2000]);
  await assert.rejects(user.request("session/list", {}), /ended 5 times in a row/u);
  delays.length = 0;
  await user.restart();
  assert.equal((await user.request("session/list", {})).total, 0);
});

test("a restart takes new options, ends the old server and saves what ran", async (context) => {
  const user = client(context);
  const id = await session(user, [{ text: "never ends ", delay_ms: 50, repeat: 10_000 }]);
  await user.request("turn/start", { session_id: id, prompt: "go", turn_id: newId(), wait: false });
  const old = pidOf(user);
  await user.restart();
  assert(!isAlive(old));
  const view = await user.request("session/read", { session_id: id });
  assert.equal(view.last_turn?.outcome, "interrupted");
});

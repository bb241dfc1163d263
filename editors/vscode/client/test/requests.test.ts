import assert from "node:assert/strict";
import { test } from "node:test";

import type { SessionHistoryResult, Traffic } from "meerkat-rpc-client";
import { Cancelled, ClientClosed, isServerError, newId, runTurn, ServerError, TurnText } from "meerkat-rpc-client";

import { client, isAlive, pidOf, session, shared, until } from "./support";

test("nothing is started before the first request", async (context) => {
  const user = client(context);
  assert.equal(user.status.kind, "stopped");
  await user.request("session/list", {});
  assert.equal(user.status.kind, "ready");
});

test("a turn's events come as they happen, in whatever script", async () => {
  const user = shared();
  const prompt = "Grüße 你好 🦦 مرحبا \u0000 \u2028 end";
  const text = new TurnText();
  let said = "";
  for await (const event of runTurn(user, { sessionId: await session(user), prompt })) {
    said += text.added(event);
  }
  assert.equal(said, prompt);
});

test("an error of the server's has a code, its data and a message for people", async () => {
  const user = shared();
  const unknown = newId();
  const error: unknown = await user.request("session/read", { session_id: unknown }).catch((caught: unknown) => caught);
  assert(error instanceof ServerError);
  assert(isServerError(error, "SESSION_NOT_FOUND"));
  assert.equal(error.data.session_id, unknown);
  assert.equal(error.message, "there is no such session");
  assert(!isServerError(error, "SESSION_BUSY"));
});

test("a thousand requests at once are answered each", async () => {
  const user = shared();
  const id = await session(user);
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, () => user.request("session/read", { session_id: id })),
  );
  assert(answers.every(({ session_id }) => session_id === id));
});

test("a prompt of megabytes goes there and back", async () => {
  const user = shared();
  const id = await session(user, [{ text: "ok" }]);
  const prompt = "å".repeat(3_000_000);
  await user.request("turn/start", { session_id: id, prompt });
  const page: SessionHistoryResult = await user.request("session/history", { session_id: id });
  assert.equal(page.messages[0]?.content, prompt);
});

test("aborting the signal takes a request back", async () => {
  const user = shared();
  const id = await session(user, [{ sleep_ms: 60_000 }]);
  const controller = new AbortController();
  const turn = user.request("turn/start", { session_id: id, prompt: "wait" }, { signal: controller.signal });
  const ended = turn.catch((error: unknown) => error);
  for (let running = false; !running;) {
    running = (await user.request("session/read", { session_id: id })).state === "running";
  }
  controller.abort();
  assert(isServerError(await ended, "TURN_CANCELLED"));
  const late = user.request("session/list", {}, { signal: controller.signal });
  await assert.rejects(late, Cancelled);
});

test("stopping a turn keeps what it said and brings its last event", async () => {
  const user = shared();
  const id = await session(user, [{ text: "word ", repeat: 100_000, delay_ms: 5 }]);
  const controller = new AbortController();
  const seen: string[] = [];
  for await (const { event } of runTurn(user, { sessionId: id, prompt: "go", signal: controller.signal })) {
    seen.push(event.type);
    if (event.type === "text_delta") {
      controller.abort();
    }
    if (event.type === "run_failed") {
      assert.equal(event.reason, "cancelled");
    }
  }
  assert.equal(seen.at(-1), "run_failed");
});

test("traffic is every message of both sides", async (context) => {
  const user = client(context);
  const traffic: Traffic[] = [];
  user.onTraffic((message) => traffic.push(message));
  await user.request("session/list", {});
  const sent = traffic.filter(({ direction }) => direction === "sent");
  assert.deepEqual(
    sent.map(({ message }) => (message as { method?: string }).method),
    ["initialize", "session/list"],
  );
  assert.equal(traffic.length, 2 * sent.length);
});

test("disposing ends the server and refuses what comes later", async (context) => {
  const user = client(context);
  await user.start();
  const pid = pidOf(user);
  const before = performance.now();
  await user.dispose();
  assert(performance.now() - before < 2_000);
  await until(() => !isAlive(pid), "the server's end");
  assert.equal(user.status.kind, "stopped");
  await assert.rejects(user.request("session/list", {}), ClientClosed);
});

test("ids of the client's own sort by time", () => {
  const ids = [1, 2, 1_700_000_000_000].map((time) => newId(time));
  assert.deepEqual([...ids].sort(), ids);
  assert.match(newId(), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import type { SessionEventParams } from "meerkat-rpc-client";
import { isTerminal, newId, runTurn, SessionFeed, TurnText } from "meerkat-rpc-client";

import { client, folder, kill, session, shared, statuses, types, until } from "./support";

/** Collects what a feed hands on. */
function collect(feed: SessionFeed): SessionEventParams[] {
  const events: SessionEventParams[] = [];
  feed.onEvents((some) => events.push(...some));
  return events;
}

function hasEnded(events: readonly SessionEventParams[]): boolean {
  return events.some(({ event }) => isTerminal(event));
}

/** Without a gap, each once, from this one on. */
function assertSequence(events: readonly SessionEventParams[], first: number): void {
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, place) => first + place),
  );
}

function textOf(events: readonly SessionEventParams[]): string {
  const text = new TurnText();
  return events.map((event) => text.added(event)).join("");
}

test("a session that is opened in mid-turn misses nothing and has nothing twice", async (context) => {
  const store = folder(context);
  const [writer, reader] = [client(context, { store }), client(context, { store })];
  const id = await session(writer, [{ text: "word ", repeat: 200, delay_ms: 5 }]);
  await writer.request("turn/start", { session_id: id, prompt: "before" });
  await writer.request("turn/start", { session_id: id, prompt: "now", turn_id: newId(), wait: false });
  const feed = new SessionFeed(reader, id);
  const events = collect(feed);
  const page = await feed.open();
  assert.equal(page.messages[0]?.content, "before");
  assert.notEqual(page.running_turn_id, undefined);
  await until(() => hasEnded(events), "the turn's end");
  assertSequence(events, page.next_seq);
  assert.equal(textOf(events), "word ".repeat(200));
  feed.dispose();
});

test("older pages lie before the last one, to the first message", async () => {
  const user = shared();
  const id = await session(user);
  for (let turn = 0; turn < 5; turn += 1) {
    await user.request("turn/start", { session_id: id, prompt: `prompt ${turn}` });
  }
  const feed = new SessionFeed(user, id);
  const last = await feed.open(4);
  const middle = await feed.older(last.offset, 4);
  const first = await feed.older(middle.offset, 4);
  const prompts = [first, middle, last].flatMap(({ messages }) => messages).filter(({ role }) => role === "user");
  assert.deepEqual(
    prompts.map(({ content }) => content),
    [0, 1, 2, 3, 4].map((turn) => `prompt ${turn}`),
  );
  assert.equal(first.offset, 0);
  feed.dispose();
});

test("after a crash the events go on behind the last one that was seen", async (context) => {
  const user = client(context);
  const id = await session(user, [{ text: "word ", repeat: 500, delay_ms: 5 }]);
  const feed = new SessionFeed(user, id);
  const events = collect(feed);
  await feed.open();
  await user.request("turn/start", { session_id: id, prompt: "go", turn_id: newId(), wait: false });
  await until(() => events.length > 20, "some events");
  kill(user);
  await until(() => hasEnded(events), "the turn's end");
  assertSequence(events, 1);
  const last = events.at(-1)?.event;
  assert(last?.type === "run_failed");
  assert.equal(last.reason, "host_exit");
  feed.dispose();
});

test("a turn that another program runs goes on while this one's server dies", async (context) => {
  const store = folder(context);
  const [writer, reader] = [client(context, { store }), client(context, { store })];
  const id = await session(writer, [{ text: "word ", repeat: 150, delay_ms: 10 }]);
  const feed = new SessionFeed(reader, id);
  const events = collect(feed);
  await feed.open();
  await writer.request("turn/start", { session_id: id, prompt: "go", turn_id: newId(), wait: false });
  await until(() => events.length > 10, "some events");
  kill(reader);
  await until(() => hasEnded(events), "the turn's end");
  assertSequence(events, 1);
  assert.equal(types(events).at(-1), "run_completed");
  assert.equal(textOf(events), "word ".repeat(150));
  feed.dispose();
});

test("twenty thousand deltas come in frames", async () => {
  const user = shared();
  const id = await session(user, [{ text: "word ", repeat: 20_000 }]);
  const feed = new SessionFeed(user, id);
  const events = collect(feed);
  let frames = 0;
  feed.onEvents(() => (frames += 1));
  await feed.open();
  await user.request("turn/start", { session_id: id, prompt: "go", turn_id: newId(), wait: false });
  await until(() => hasEnded(events), "the turn's end");
  assertSequence(events, 1);
  assert.equal(textOf(events).length, 5 * 20_000);
  assert(frames < events.length / 10, `${frames} frames of ${events.length} events`);
  feed.dispose();
});

test("two feeds of one session have all of it each, and a closed one nothing more", async () => {
  const user = shared();
  const id = await session(user, [{ text: "a b c ", chunks: 3 }]);
  const [one, other, closed] = [0, 1, 2].map(() => new SessionFeed(user, id)) as [
    SessionFeed,
    SessionFeed,
    SessionFeed,
  ];
  const [ones, others, none] = [collect(one), collect(other), collect(closed)];
  await Promise.all([one.open(), other.open(), closed.open()]);
  await closed.close();
  await user.request("turn/start", { session_id: id, prompt: "go" });
  await until(() => hasEnded(ones) && hasEnded(others), "the turn's end");
  assert.deepEqual(types(ones), types(others));
  assertSequence(ones, 1);
  assertSequence(others, 1);
  assert.deepEqual(none, []);
  assert(!closed.isOpen);
  for (const feed of [one, other, closed]) {
    feed.dispose();
  }
});

test("opening again reads anew and goes on", async () => {
  const user = shared();
  const id = await session(user);
  const feed = new SessionFeed(user, id);
  const events = collect(feed);
  await feed.open();
  await user.request("turn/start", { session_id: id, prompt: "first" });
  const page = await feed.open();
  assert.equal(page.messages.length, 2);
  await user.request("turn/start", { session_id: id, prompt: "second" });
  await until(() => events.filter(({ event }) => isTerminal(event)).length === 2, "both ends");
  assertSequence(events, 1);
  feed.dispose();
});

test("a session that is deleted ends its feed", async (context) => {
  const store = folder(context);
  const [writer, reader] = [client(context, { store }), client(context, { store })];
  const id = await session(writer);
  const feed = new SessionFeed(reader, id);
  let reason: string | undefined;
  feed.onEnd((why) => (reason = why));
  await feed.open();
  await writer.request("session/delete", { session_id: id });
  await until(() => reason, "the feed's end");
  assert(!feed.isOpen);
  feed.dispose();
});

test("a turn that is iterated over survives its server", async (context) => {
  const user = client(context);
  const seen = statuses(user);
  const id = await session(user, [{ text: "word ", repeat: 100, delay_ms: 5 }]);
  const events: string[] = [];
  for await (const { event } of runTurn(user, { sessionId: id, prompt: "go" })) {
    events.push(event.type);
    if (events.length === 10) {
      kill(user);
    }
  }
  assert.equal(events.at(-1), "run_failed");
  assert.deepEqual(
    seen.map(({ kind }) => kind),
    ["starting", "ready", "restarting", "ready"],
  );
});

/** Items out of a real server's events and messages: what is seen live is what is read later. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { TestContext } from "node:test";
import { test } from "node:test";

import type { Client, JsonValue, PendingApproval, SessionEventParams } from "meerkat-rpc-client";
import { isTerminal, newId, runTurn, SessionFeed } from "meerkat-rpc-client";

import { client, folder, session, shared, until } from "../client/test/support";
import type { Item, SessionChange } from "../src/sessions/items";
import { Transcript } from "../src/sessions/transcript";

/** An item in short: what a reader sees of it. */
function short(item: Item): string {
  switch (item.kind) {
    case "prompt":
      return `${item.origin}: ${item.text}`;
    case "tool":
      return `tool ${item.name} ${item.state}: ${JSON.stringify(item.result)}`;
    case "approval":
      return `approval ${item.summary}: ${item.resolved ?? "open"}`;
    default:
      return `${item.kind}: ${item.text}`;
  }
}

/** Run a turn and take its events, as many at a time as came together. */
async function live(user: Client, sessionId: string, prompt: string, signal?: AbortSignal): Promise<Transcript> {
  const transcript = new Transcript();
  for await (const event of runTurn(user, { sessionId, prompt, ...(signal === undefined ? {} : { signal }) })) {
    transcript.apply(event);
  }
  return transcript;
}

/** The same session, read from its messages. */
async function read(user: Client, sessionId: string): Promise<Transcript> {
  const page = await user.request("session/history", { session_id: sessionId, latest: true, limit: 50 });
  const transcript = new Transcript();
  transcript.reset(page.messages, page.offset);
  return transcript;
}

/** What somebody has who was told every change and nothing else. */
class Mirror {
  items: Item[] = [];

  take(changes: readonly SessionChange[], whole: readonly Item[]): void {
    for (const change of changes) {
      this.apply(change, whole);
    }
  }

  private apply(change: SessionChange, whole: readonly Item[]): void {
    switch (change.kind) {
      case "reset":
        this.items = structuredClone([...whole]);
        break;
      case "older":
        this.items.unshift(...structuredClone([...change.items]));
        break;
      case "added":
        this.items.push(...structuredClone([...change.items]));
        break;
      case "changed":
        for (const item of change.items) {
          this.items[this.items.findIndex(({ id }) => id === item.id)] = structuredClone(item);
        }
        break;
      case "text": {
        const item = this.items.find(({ id }) => id === change.id);
        assert(item?.kind === "answer" || item?.kind === "reasoning");
        item.text += change.text;
        break;
      }
      case "removed":
        this.items = this.items.filter(({ id }) => !change.ids.includes(id));
        break;
      case "state":
    }
  }
}

const WHOLE_TURN: readonly JsonValue[] = [
  { reasoning: "Let me see." },
  { text: "First, " },
  { tool: { name: "look", args: { at: "a" }, result: "found" } },
  { tool: { name: "miss", args: {}, result: "not there", is_error: true } },
  { text: "that is it. 🦦", chunks: 3 },
];

test("what is seen live is what is read later", async () => {
  const user = shared();
  const id = await session(user, WHOLE_TURN);
  const seen = (await live(user, id, "look")).items.map(short);
  assert.deepEqual((await read(user, id)).items.map(short), seen);
  assert.deepEqual(seen, [
    "prompt: look",
    "reasoning: Let me see.",
    "answer: First, ",
    'tool look done: "found"',
    'tool miss failed: "not there"',
    "answer: that is it. 🦦",
  ]);
});

test("a turn that was stopped keeps what it said, and says so live and later", async () => {
  const user = shared();
  const id = await session(user, [{ text: "word " }, { sleep_ms: 60_000 }]);
  const controller = new AbortController();
  user.onNotification("session/stream_event", ({ event }) => {
    if (event.type === "text_delta") {
      controller.abort();
    }
  });
  const seen = await live(user, id, "go", controller.signal);
  assert.deepEqual(seen.items.map(short), ["prompt: go", "answer: word ", "note: Interrupted"]);
  assert.deepEqual((await read(user, id)).items.map(short), seen.items.map(short));
  assert(seen.items.every((item) => !("streaming" in item) || !item.streaming));
});

test("a turn that failed has its error as its last line", async () => {
  const user = shared();
  const id = await session(user, [{ fail: "no key for this provider", code: "PROVIDER_ERROR" }]);
  const { items } = await live(user, id, "go");
  assert.deepEqual(items.map(short), ["prompt: go", "note: no key for this provider"]);
  assert(items[1]?.kind === "note" && items[1].tone === "error");
});

test("a question is asked once, gets its rule, and keeps its answer", async () => {
  const user = shared();
  const id = await session(user, [{ approval: { summary: "May I?", choices: ["yes", "no"] } }, { text: "Thanks." }]);
  const transcript = new Transcript();
  for await (const event of runTurn(user, { sessionId: id, prompt: "go" })) {
    transcript.apply(event);
    if (event.event.type === "approval_requested") {
      const { approvals } = await user.request("approval/list", { session_id: id });
      approvals.forEach((approval) => transcript.knowApproval(approval));
      assert.equal(transcript.openApprovals.length, 1);
      await user.request("approval/respond", { approval_id: event.event.approval_id, choice: "yes" });
    }
  }
  assert.deepEqual(transcript.items.map(short), ["prompt: go", "approval May I?: yes", "answer: Thanks."]);
  assert.deepEqual(transcript.openApprovals, []);
});

test("a question that is known before the turn is replayed stands where it was asked", async () => {
  const user = shared();
  const id = await session(user, [{ text: "First. " }, { approval: { summary: "May I?", choices: ["yes", "no"] } }]);
  await user.request("turn/start", { session_id: id, prompt: "go", turn_id: newId(), wait: false });
  let approval: PendingApproval | undefined;
  while (approval === undefined) {
    [approval] = (await user.request("approval/list", { session_id: id })).approvals;
  }
  const [transcript, mirror] = [new Transcript(), new Mirror()];
  transcript.knowApproval(approval);
  mirror.take(transcript.take(), transcript.items);
  const feed = new SessionFeed(user, id);
  feed.onEvents((events) => {
    events.forEach((event) => {
      transcript.apply(event);
    });
    mirror.take(transcript.take(), transcript.items);
  });
  await feed.follow(1);
  await until(() => transcript.items.at(-1)?.kind === "approval" && transcript.items.length > 2, "the question");
  assert.deepEqual(transcript.items.map(short), ["prompt: go", "answer: First. ", "approval May I?: open"]);
  assert.deepEqual(mirror.items, transcript.items);
  await user.request("turn/interrupt", { session_id: id });
  feed.dispose();
});

test("a question that nobody answered goes with its turn", async () => {
  const user = shared();
  const id = await session(user, [{ approval: { summary: "May I?", choices: ["yes", "no"] } }]);
  const controller = new AbortController();
  user.onNotification("session/stream_event", ({ event }) => {
    if (event.type === "approval_requested") {
      controller.abort();
    }
  });
  const { items, openApprovals } = await live(user, id, "go", controller.signal);
  assert.deepEqual(items.map(short), ["prompt: go", "note: Interrupted"]);
  assert.deepEqual(openApprovals, []);
});

test("who is told the changes alone has the same items, however they come together", async () => {
  const user = shared();
  const id = await session(user, [...WHOLE_TURN, { text: "more ", repeat: 300 }]);
  const events: SessionEventParams[] = [];
  for await (const event of runTurn(user, { sessionId: id, prompt: "go" })) {
    events.push(event);
  }
  for (const atOnce of [1, 2, 7, 1_000]) {
    const [transcript, mirror] = [new Transcript(), new Mirror()];
    for (let place = 0; place < events.length; place += atOnce) {
      events.slice(place, place + atOnce).forEach((event) => {
        transcript.apply(event);
      });
      mirror.take(transcript.take(), transcript.items);
    }
    assert.deepEqual(mirror.items, transcript.items);
  }
});

test("changes that were told don't change any more", async () => {
  const user = shared();
  const id = await session(user, [{ text: "word ", repeat: 3 }]);
  const transcript = new Transcript();
  const told: string[] = [];
  const changes: SessionChange[] = [];
  for await (const event of runTurn(user, { sessionId: id, prompt: "go" })) {
    transcript.apply(event);
    const news = transcript.take();
    changes.push(...news);
    told.push(...news.map((change) => JSON.stringify(change)));
  }
  assert.deepEqual(
    changes.map((change) => JSON.stringify(change)),
    told,
  );
});

test("a page that begins between a call and its result is completed by the one before", async () => {
  const user = shared();
  const id = await session(user, WHOLE_TURN);
  await live(user, id, "look");
  const whole = (await read(user, id)).items.map(short);
  const { message_count: count } = await user.request("session/read", { session_id: id });
  for (let limit = 1; limit < count; limit += 1) {
    const last = await user.request("session/history", { session_id: id, latest: true, limit });
    const transcript = new Transcript();
    transcript.reset(last.messages, last.offset);
    const first = await user.request("session/history", { session_id: id, before: last.offset, limit: 50 });
    transcript.prepend(first.messages, first.offset);
    assert.deepEqual(transcript.items.map(short), whole);
    assert.equal(new Set(transcript.items.map((item) => item.id)).size, whole.length);
  }
});

test("additions to a running turn stand where the model read them", async () => {
  const user = shared();
  const id = await session(user, [{ tool: { name: "slow", args: {}, result: "ok", ms: 300 } }, { text: "Done." }]);
  let steered = false;
  const transcript = new Transcript();
  for await (const event of runTurn(user, { sessionId: id, prompt: "go" })) {
    transcript.apply(event);
    if (event.event.type === "tool_execution_started" && !steered) {
      steered = true;
      await user.request("turn/steer", { session_id: id, prompt: "and hurry", turn_id: newId() });
    }
  }
  const items = transcript.items.map(short);
  assert(items.includes("steer: and hurry"), items.join("\n"));
  assert.deepEqual((await read(user, id)).items.map(short).sort(), [...items].sort());
});

/** A turn's events as they are once its deltas were folded. */
async function folded(context: TestContext): Promise<{ before: Transcript; after: Transcript }> {
  const store = folder(context);
  const user = client(context, { store });
  const id = await session(user, [...WHOLE_TURN, { text: "word ", repeat: 50 }]);
  const before = await live(user, id, "go");
  await user.dispose();
  const env = { ...process.env, MEERKAT_STORE: store };
  execFileSync("meerkat-rpc", ["sessions", "fold", "--older-than", "0s"], { env });
  const reader = client(context, { store });
  const feed = new SessionFeed(reader, id);
  const after = new Transcript();
  let done = false;
  feed.onEvents((events) => {
    events.forEach((event) => {
      after.apply(event);
    });
    done ||= events.some(({ event }) => isTerminal(event));
  });
  await feed.follow(1);
  await until(() => done, "the turn's end");
  feed.dispose();
  return { before, after };
}

test("a turn whose deltas were folded reads the same", async (context) => {
  const { before, after } = await folded(context);
  assert.deepEqual(after.items.map(short), before.items.map(short));
});

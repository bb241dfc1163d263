/** What the editor's own chat shows of a turn, with a real server. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { session, shared } from "../client/test/support";
import type { Page } from "../src/participant/answering";
import { answer } from "../src/participant/answering";

/** A page that keeps what it was told, and answers every question with its first choice. */
function page(): Page & { text: string; readonly lines: string[] } {
  return {
    text: "",
    lines: [],
    markdown(text) {
      this.text += text;
    },
    progress(line) {
      this.lines.push(line);
    },
    ask({ approval_id, summary, choices }) {
      this.lines.push(`? ${summary}`);
      void shared().request("approval/respond", { approval_id, choice: choices[0]! });
    },
  };
}

function run(sessionId: string, shown: Page, signal = new AbortController().signal): Promise<string | undefined> {
  return answer(shared(), { sessionId, prompt: "go", signal }, shown);
}

test("text, tools and questions come as they happen", async () => {
  const id = await session(shared(), [
    { text: "One. " },
    { tool: { name: "look", args: {}, result: "found" } },
    { approval: { summary: "May I?", choices: ["yes", "no"] } },
    { text: "Two. 🦦", chunks: 2 },
  ]);
  const shown = page();
  assert.equal(await run(id, shown), undefined);
  assert.equal(shown.text.replace(/\s+/gu, " ").trim(), "One. Two. 🦦");
  assert.deepEqual(shown.lines, ["look", "? May I?"]);
});

test("why a turn failed is told; that one was stopped isn't", async () => {
  const failing = await session(shared(), [{ fail: "no key", code: "PROVIDER_ERROR" }]);
  assert.equal(await run(failing, page()), "no key");
  const endless = await session(shared(), [{ text: "a" }, { sleep_ms: 60_000 }]);
  const controller = new AbortController();
  const shown = page();
  shown.markdown = (): void => {
    controller.abort();
  };
  assert.equal(await run(endless, shown, controller.signal), undefined);
});

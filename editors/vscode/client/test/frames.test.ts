/** Cutting bytes into messages, however they come. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Frames } from "../src/frames";

function framed(text: string, header = "Content-Length"): Buffer {
  return Buffer.from(`Content-Type: x; charset=utf-8\r\n${header}: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

function cut(bytes: Buffer, length: number): string[] {
  const frames = new Frames();
  const bodies: string[] = [];
  for (let place = 0; place < bytes.length; place += length) {
    bodies.push(...frames.push(bytes.subarray(place, place + length)).map(String));
  }
  return bodies;
}

test("messages are the same, however many bytes come at a time", () => {
  const texts = ["{}", "größer 🦦", "", "a\r\n\r\nb", "x".repeat(500)];
  const bytes = Buffer.concat(
    texts.map((text, place) => framed(text, place % 2 ? "content-length" : "Content-Length")),
  );
  for (let length = 1; length <= bytes.length; length += 1) {
    assert.deepEqual(cut(bytes, length), texts);
  }
});

test("a message of megabytes in small pieces takes no longer than its bytes", () => {
  const text = "y".repeat(20_000_000);
  const before = performance.now();
  assert.deepEqual(cut(framed(text), 4_096), [text]);
  assert(performance.now() - before < 5_000);
});

test("what is no message is refused", () => {
  for (const bytes of ["x".repeat(5_000), "Content-Length: many\r\n\r\n", "Hello: 1\r\n\r\n"]) {
    assert.throws(() => new Frames().push(Buffer.from(bytes)), /no message/u);
  }
});

/** Which requests may be sent again when nobody knows whether the server that died had done them. */
import type { Methods } from "./contract.js";

type Test = (params: Readonly<Record<string, unknown>>) => boolean;

const always: Test = () => true;
const withId =
  (name: string): Test =>
  (params) =>
    typeof params[name] === "string";

/**
 * Requests that only read, those whose second time changes nothing, and those that carry an id of the client's by which
 * the server knows a repeat. What is missing here is done at most once.
 */
const REPEATABLE: Partial<Record<keyof Methods, Test>> = {
  "approval/list": always,
  "approval/respond": always,
  "blob/get": always,
  "capabilities/get": always,
  "config/get": always,
  "events/latest_cursor": always,
  "events/list_since": always,
  "mcp/list": always,
  "models/catalog": always,
  "runtime/health": always,
  "session/create": withId("session_id"),
  "session/export": always,
  "session/history": always,
  "session/list": always,
  "session/read": always,
  "session/update": always,
  "tools/list": always,
  "turn/enqueue": withId("turn_id"),
  "turn/start": withId("turn_id"),
  "turn/steer": withId("turn_id"),
};

/** Whether a request may be sent a second time. */
export function isRepeatable(method: keyof Methods, params: unknown): boolean {
  return REPEATABLE[method]?.((params ?? {}) as Record<string, unknown>) ?? false;
}

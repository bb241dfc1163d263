/** A session's items, as its messages and events make them. Knows nothing of where those come from. */
import type { Attachment, Event, Message, PendingApproval, SessionEventParams } from "meerkat-rpc-client";
import { TurnText } from "meerkat-rpc-client";

import { ChangeList } from "./changes";
import type { OrphanResults } from "./history-items";
import { callKey, itemsOf } from "./history-items";
import type { AnswerItem, ApprovalItem, Item, PromptItem, ReasoningItem, SessionChange, ToolItem } from "./items";
import type { Note } from "./notes";
import { noteOf } from "./notes";

type Of<T extends Event["type"]> = Extract<Event, { type: T }>;

/** Where and when something happened. */
interface Place {
  readonly turnId: string;
  readonly seq: number;
  readonly timestamp: number;
}

/** The items and what changed of them since somebody asked. */
export class Transcript {
  items: Item[] = [];
  readonly changes = new ChangeList();
  private orphans: OrphanResults = new Map();
  private text = { text: new TurnText("text"), reasoning: new TurnText("reasoning") };
  private answer: AnswerItem | undefined;
  private thought: ReasoningItem | undefined;
  private readonly tools = new Map<string, ToolItem>();
  private readonly attachments = new Map<string, readonly Attachment[]>();
  private readonly approvals = new Map<string, ApprovalItem>();
  /** Questions that were known before their event came: their place is where it comes. */
  private readonly early = new Set<string>();

  /** Begin anew with the last page of messages; tools of the turn that runs may yet come to an end. */
  reset(messages: readonly Message[], offset: number, runningTurnId?: string): void {
    this.orphans = new Map();
    this.tools.clear();
    this.approvals.clear();
    this.early.clear();
    this.endCall();
    this.items = itemsOf(messages, offset, this.orphans);
    for (const item of this.items) {
      if (item.kind === "tool" && item.state === "interrupted" && item.turnId === runningTurnId) {
        item.state = "running";
        this.tools.set(callKey(item.turnId, item.callId), item);
      }
    }
    this.changes.reset();
  }

  /** Put an older page in front. */
  prepend(messages: readonly Message[], offset: number): void {
    const items = itemsOf(messages, offset, this.orphans);
    this.items = [...items, ...this.items];
    this.changes.older(items);
  }

  /** What goes with the prompt of a turn that is about to begin. */
  attached(turnId: string, attachments: readonly Attachment[]): void {
    this.attachments.set(turnId, attachments);
  }

  /** The questions that nobody has answered yet, the oldest first. */
  get openApprovals(): ApprovalItem[] {
    return [...this.approvals.values()].filter(({ resolved }) => resolved === undefined);
  }

  /** Take the next event. Types that are not known leave no trace. */
  apply(params: SessionEventParams): void {
    const { event } = params;
    const at = { turnId: params.turn_id, seq: params.seq, timestamp: params.timestamp_ms };
    this.stream(params, at);
    const note = noteOf(event);
    this.happened(event, at);
    if (note !== undefined) {
      this.note(note, at);
    }
  }

  /** Add a line at the end. */
  note(note: Note, at: Place): void {
    this.add({ ...note, ...base(`note-${at.seq}`, at), kind: "note" });
  }

  /** Take what is known of a question beside its event, or the question itself if its event is of an earlier page. */
  knowApproval(approval: PendingApproval): void {
    const id = approval.approval_id;
    let item = this.approvals.get(id);
    if (item === undefined) {
      item = this.ask(approval, { turnId: approval.turn_id, seq: 0, timestamp: approval.timestamp_ms });
      this.early.add(id);
    }
    if (approval.rule !== undefined && item.rule !== approval.rule) {
      item.rule = approval.rule;
      this.changes.changed(item);
    }
  }

  /** The changes since the last time. */
  take(): readonly SessionChange[] {
    return this.changes.take();
  }

  private happened(event: Event, at: Place): void {
    switch (event.type) {
      case "run_started":
        return this.prompted("prompt", event.prompt, at);
      case "steered":
        return this.prompted("steer", event.prompt, at, event.id);
      case "context_injected":
        return this.prompted("context", event.content, at);
      case "turn_completed":
        return this.endCall();
      case "run_completed":
      case "run_failed":
        return this.endTurn(at.turnId, event.type === "run_completed");
      case "approval_requested":
        return void this.ask(event, at);
      case "approval_resolved":
        return this.resolved(event);
      default:
        return this.toolHappened(event, at);
    }
  }

  // -- What is said and thought

  /** What streams. A folded event says only with the next complete one which text it stands for: TurnText keeps count. */
  private stream(params: SessionEventParams, at: Place): void {
    const { event } = params;
    const said = this.text.text.added(params);
    const thought = this.text.reasoning.added(params);
    if (thought !== "" || event.type === "reasoning_complete") {
      this.thought ??= this.add({ ...base(`reasoning-${at.seq}`, at), kind: "reasoning", text: "", streaming: true });
      this.grow(this.thought, thought);
    }
    if (event.type === "reasoning_complete") {
      this.endThought(event.content, at.timestamp);
    }
    if (said !== "") {
      this.endThought(undefined, at.timestamp);
      this.answer ??= this.add(answerItem(at));
      this.grow(this.answer, said);
    }
    if (event.type === "text_complete") {
      this.endAnswer(event.content, at);
    }
  }

  private grow(item: AnswerItem | ReasoningItem, text: string): void {
    if (text !== "") {
      item.text += text;
      this.changes.text(item, text);
    }
  }

  private endThought(content: string | undefined, now: number): void {
    const thought = this.thought;
    if (thought?.streaming === true) {
      thought.streaming = false;
      thought.text = content ?? thought.text;
      thought.durationMs = now - thought.timestamp;
      this.changes.changed(thought);
    }
    this.thought = undefined;
  }

  private endAnswer(content: string, at: Place): void {
    if (content !== "") {
      this.answer ??= this.add(answerItem(at));
      Object.assign(this.answer, { text: content, streaming: false });
      this.changes.changed(this.answer);
    }
    this.answer = undefined;
  }

  /** A model call is over: what it left open was cut short. */
  private endCall(): void {
    this.endThought(undefined, this.thought?.timestamp ?? 0);
    if (this.answer !== undefined) {
      Object.assign(this.answer, { streaming: false, partial: true });
      this.changes.changed(this.answer);
      this.answer = undefined;
    }
    this.text = { text: new TurnText("text"), reasoning: new TurnText("reasoning") };
  }

  private prompted(origin: PromptItem["origin"], text: string, at: Place, turnId = at.turnId): void {
    const attachments = this.attachments.get(turnId) ?? [];
    this.attachments.delete(turnId);
    this.add({ ...base(`prompt-${at.seq}`, at), kind: "prompt", origin, text, attachments });
  }

  private endTurn(turnId: string, completed: boolean): void {
    this.endCall();
    for (const item of this.tools.values()) {
      if (item.state === "requested" || item.state === "running") {
        item.state = completed ? "done" : "interrupted";
        this.changes.changed(item);
      }
    }
    this.tools.clear();
    this.forgetApprovals(this.openApprovals.filter((item) => item.turnId === turnId));
  }

  // -- Tools

  private toolHappened(event: Event, at: Place): void {
    if (event.type === "tool_call_requested") {
      const { id, name, args } = event;
      const place = base(`tool-${at.seq}`, at);
      const item = this.add<ToolItem>({ ...place, kind: "tool", callId: id, name, args, state: "requested" });
      this.tools.set(callKey(at.turnId, id), item);
      return;
    }
    const item = "id" in event ? this.tools.get(callKey(at.turnId, event.id)) : undefined;
    const news = item && toolNews(event, item);
    if (item !== undefined && news !== undefined) {
      Object.assign(item, news);
      this.changes.changed(item);
    }
  }

  // -- Questions

  private ask(question: Of<"approval_requested"> | PendingApproval, at: Place): ApprovalItem {
    const { approval_id: approvalId, summary, details, choices } = question;
    const known = this.approvals.get(approvalId);
    if (known !== undefined) {
      this.putInPlace(known);
      return known;
    }
    const place = base(`approval-${approvalId}`, at);
    const item = this.add<ApprovalItem>({ ...place, kind: "approval", approvalId, summary, details, choices });
    this.approvals.set(approvalId, item);
    return item;
  }

  private putInPlace(item: ApprovalItem): void {
    if (this.early.delete(item.approvalId)) {
      this.remove([item]);
      this.add(item);
    }
  }

  private resolved(event: Of<"approval_resolved">): void {
    const item = this.approvals.get(event.approval_id);
    if (item !== undefined) {
      item.resolved = event.choice;
      this.changes.changed(item);
    }
  }

  private forgetApprovals(gone: readonly ApprovalItem[]): void {
    if (gone.length > 0) {
      gone.forEach(({ approvalId }) => this.approvals.delete(approvalId));
      this.remove(gone);
    }
  }

  private remove(gone: readonly Item[]): void {
    const ids = new Set(gone.map(({ id }) => id));
    this.items = this.items.filter(({ id }) => !ids.has(id));
    this.changes.removed([...ids]);
  }

  private add<T extends Item>(item: T): T {
    this.items.push(item);
    this.changes.added(item);
    return item;
  }
}

function base(id: string, at: Place): { id: string; turnId: string; timestamp: number } {
  return { id, turnId: at.turnId, timestamp: at.timestamp };
}

function answerItem(at: Place): AnswerItem {
  return { ...base(`answer-${at.seq}`, at), kind: "answer", text: "", streaming: true, partial: false };
}

/** What an event tells of a tool that was called. */
function toolNews(event: Event, item: ToolItem): Partial<ToolItem> | undefined {
  switch (event.type) {
    case "tool_execution_started":
      return { state: "running" };
    case "tool_execution_completed": {
      const { result, is_error: failed, duration_ms: durationMs } = event;
      return { state: failed ? "failed" : "done", result, durationMs };
    }
    case "tool_execution_timed_out":
      return { state: "timed_out", durationMs: event.timeout_ms };
    case "tool_result_received":
      return item.state === "requested" || item.state === "running"
        ? { state: event.is_error ? "failed" : "done" }
        : undefined;
    default:
      return undefined;
  }
}

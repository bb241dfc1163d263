/** A session's items, as its messages and events make them. Knows nothing of where those come from. */
import type { Attachment, Message, PendingApproval, SessionEventParams } from "meerkat-rpc-client";

import type { ChangeList } from "./changes";
import type { OrphanResults } from "./history-items";
import { itemsOf } from "./history-items";
import type { Place } from "./item-list";
import { base, ItemList } from "./item-list";
import type { ApprovalItem, Item, PromptItem, SessionChange } from "./items";
import type { Note } from "./notes";
import { noteOf } from "./notes";
import { Questions } from "./questions";
import { Speech } from "./speech";
import { ToolCalls } from "./tool-calls";

/** The items and what changed of them since somebody asked. */
export class Transcript {
  private readonly list = new ItemList();
  private readonly speech = new Speech(this.list);
  private readonly tools = new ToolCalls(this.list);
  private readonly questions = new Questions(this.list);
  private readonly attachments = new Map<string, readonly Attachment[]>();
  private orphans: OrphanResults = new Map();

  get items(): readonly Item[] {
    return this.list.items;
  }

  get changes(): ChangeList {
    return this.list.changes;
  }

  /** The questions that nobody has answered yet, the oldest first. */
  get openApprovals(): ApprovalItem[] {
    return this.questions.open;
  }

  /** Begin anew with the last page of messages. */
  reset(messages: readonly Message[], offset: number, runningTurnId?: string): void {
    this.orphans = new Map();
    this.speech.forget();
    this.questions.reset();
    this.list.reset(itemsOf(messages, offset, this.orphans));
    this.tools.reset(this.items, runningTurnId);
  }

  /** Put an older page in front. */
  prepend(messages: readonly Message[], offset: number): void {
    this.list.prepend(itemsOf(messages, offset, this.orphans));
  }

  /** What goes with the prompt of a turn that is about to begin. */
  attached(turnId: string, attachments: readonly Attachment[]): void {
    this.attachments.set(turnId, attachments);
  }

  /** Take what is known of a question beside its event. */
  knowApproval(approval: PendingApproval): void {
    this.questions.know(approval);
  }

  /** Take the next event. Types that are not known leave no trace. */
  apply(params: SessionEventParams): void {
    const at = { turnId: params.turn_id, seq: params.seq, timestamp: params.timestamp_ms };
    this.speech.take(params, at);
    this.tools.take(params.event, at);
    this.happened(params, at);
    const note = noteOf(params.event);
    if (note !== undefined) {
      this.note(note, at);
    }
  }

  /** Add a line at the end. */
  note(note: Note, at: Place): void {
    this.list.add({ ...note, ...base(`note-${at.seq}`, at), kind: "note" });
  }

  /** The changes since the last time. */
  take(): readonly SessionChange[] {
    return this.changes.take();
  }

  private happened({ event }: SessionEventParams, at: Place): void {
    switch (event.type) {
      case "run_started":
        return this.prompted("prompt", event.prompt, at, at.turnId);
      case "steered":
        return this.prompted("steer", event.prompt, at, event.id);
      case "context_injected":
        return this.prompted("context", event.content, at, at.turnId);
      case "turn_completed":
        return this.speech.endCall(at);
      case "run_completed":
      case "run_failed":
        return this.endTurn(at, event.type === "run_completed");
      case "approval_requested":
        return this.questions.asked(event, at);
      case "approval_resolved":
        return this.questions.resolved(event);
      default:
    }
  }

  private prompted(origin: PromptItem["origin"], text: string, at: Place, turnId: string): void {
    const attachments = this.attachments.get(turnId) ?? [];
    this.attachments.delete(turnId);
    this.list.add({ ...base(`prompt-${at.seq}`, at), kind: "prompt", origin, text, attachments });
  }

  private endTurn(at: Place, completed: boolean): void {
    this.speech.endCall(at);
    this.tools.endTurn(completed);
    this.questions.endTurn(at.turnId);
  }
}

/** What a session asks its user. */
import type { ApprovalRequested, ApprovalResolved, PendingApproval } from "meerkat-rpc-client";

import type { ItemList, Place } from "./item-list";
import { base } from "./item-list";
import type { ApprovalItem } from "./items";

/** Questions that wait, and those that were answered while somebody looked. */
export class Questions {
  private readonly byId = new Map<string, ApprovalItem>();
  /** Those that were known before their event came: their place is where it comes. */
  private readonly early = new Set<string>();

  constructor(private readonly list: ItemList) {}

  reset(): void {
    this.byId.clear();
    this.early.clear();
  }

  /** Those that nobody has answered yet, the oldest first. */
  get open(): ApprovalItem[] {
    return [...this.byId.values()].filter(({ resolved }) => resolved === undefined);
  }

  /** Take what is known of a question beside its event, or the question itself if its event is of an earlier page. */
  know(approval: PendingApproval): void {
    const { approval_id: id, turn_id: turnId, timestamp_ms: timestamp, rule } = approval;
    let item = this.byId.get(id);
    if (item === undefined) {
      item = this.add(approval, { turnId, seq: 0, timestamp });
      this.early.add(id);
    }
    if (rule !== undefined && item.rule !== rule) {
      this.list.change(item, { rule });
    }
  }

  /** A question was asked. */
  asked(question: ApprovalRequested, at: Place): void {
    const known = this.byId.get(question.approval_id);
    if (known === undefined) {
      this.add(question, at);
    } else if (this.early.delete(known.approvalId)) {
      this.list.remove([known]);
      this.list.add(known);
    }
  }

  /** Somebody answered. */
  resolved({ approval_id: id, choice }: ApprovalResolved): void {
    const item = this.byId.get(id);
    if (item !== undefined) {
      this.list.change(item, { resolved: choice });
    }
  }

  /** The turn is over: nobody waits for an answer any more. */
  endTurn(turnId: string): void {
    const gone = this.open.filter((item) => item.turnId === turnId);
    gone.forEach(({ approvalId }) => this.byId.delete(approvalId));
    this.list.remove(gone);
  }

  private add(question: ApprovalRequested | PendingApproval, at: Place): ApprovalItem {
    const { approval_id: approvalId, summary, details, choices } = question;
    const place = base(`approval-${approvalId}`, at);
    const item = this.list.add<ApprovalItem>({ ...place, kind: "approval", approvalId, summary, details, choices });
    this.byId.set(approvalId, item);
    return item;
  }
}

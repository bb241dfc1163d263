/** One session: read, followed while it is shown or runs, and written to. */
import type { Method, Methods } from "meerkat-rpc-client";
import { newId } from "meerkat-rpc-client";
import { Disposable, EventEmitter } from "vscode";

import type { Session } from "./interface";
import type { Item, SessionState } from "./items";
import { attachmentsOf, withMentions } from "./mentions";
import { References } from "./references";
import type { Sent, Turn } from "./sending";
import { createSession, startOrQueue, steerOrStart } from "./sending";
import { SessionData } from "./session-data";
import { SessionReader } from "./session-reader";
import { newSessionState } from "./state";
import type { Surroundings } from "./surroundings";

/** A session as the extension knows it. What goes wrong becomes `state.problem`. */
export class SessionModel implements Session {
  readonly data: SessionData;
  readonly onDidChange: Session["onDidChange"];
  private readonly draftReplaced = new EventEmitter<string>();
  readonly onDidReplaceDraft = this.draftReplaced.event;
  private readonly reader: SessionReader;
  private readonly references = new References();
  private shownBy = 0;

  constructor(
    readonly id: string,
    exists: boolean,
    private readonly around: Surroundings,
  ) {
    this.data = new SessionData(newSessionState(id, exists, around.folder(), around.defaultModel()), around);
    this.onDidChange = this.data.onDidChange;
    this.reader = new SessionReader(id, this.data, around, () => this.shownBy > 0);
  }

  get state(): SessionState {
    return this.data.state;
  }

  get items(): readonly Item[] {
    return this.data.transcript.items;
  }

  // -- Showing

  show(): Disposable {
    this.shownBy += 1;
    void this.data.attempt(() => this.reader.load());
    return new Disposable(() => {
      this.shownBy -= 1;
      this.reader.rest();
    });
  }

  /** A server is there: what could not be read before can be now. */
  serverReady(): void {
    if (this.shownBy > 0) {
      void this.data.attempt(() => this.reader.load());
    }
  }

  /** It was changed in the store, perhaps by another program. */
  storeChanged(): void {
    this.reader.storeChanged();
  }

  /** Where no model was named, this one answers. */
  defaultModelKnown(model: string | null): void {
    this.data.set({ answeredBy: this.state.model ?? model });
  }

  async loadOlder(): Promise<void> {
    await this.data.attempt(() => this.reader.loadOlder());
  }

  refresh(): Promise<void> {
    return this.reader.refresh();
  }

  // -- Writing

  send(prompt: string): Promise<boolean> {
    return this.say(prompt, (turn) => startOrQueue(this.around.client, turn, this.state.busy));
  }

  /** Line it up behind what runs. Where nothing runs it begins at once. */
  queue(prompt: string): Promise<boolean> {
    return this.say(prompt, (turn) => startOrQueue(this.around.client, turn, true));
  }

  steer(prompt: string): Promise<boolean> {
    return this.say(prompt, (turn) => steerOrStart(this.around.client, turn));
  }

  async stop(): Promise<void> {
    await this.request("turn/interrupt", { session_id: this.id });
  }

  async dequeue(turnId: string): Promise<string | undefined> {
    const prompt = this.state.waiting.find((waiting) => waiting.turnId === turnId);
    const result = await this.request("turn/dequeue", { session_id: this.id, turn_id: turnId });
    await this.refresh();
    return result?.removed ? prompt?.text : undefined;
  }

  async answer(approvalId: string, choice: string, remember: "once" | "session" | "always"): Promise<void> {
    await this.request("approval/respond", { approval_id: approvalId, choice, remember });
  }

  /** Take another model, from the next turn on. */
  async useModel(model: string): Promise<void> {
    if (this.state.exists) {
      await this.request("session/update", { session_id: this.id, model });
      await this.refresh();
    } else {
      this.data.set({ model, answeredBy: model });
    }
  }

  /** Send a request; what goes wrong is shown. */
  request<M extends Method>(method: M, params: Methods[M]["params"]): Promise<Methods[M]["result"] | undefined> {
    return this.data.attempt(() => this.around.client.request(method, params));
  }

  private async say(prompt: string, send: (turn: Turn) => Promise<Sent>): Promise<boolean> {
    const text = this.references.appendTo(prompt);
    const sent = await this.data.attempt(async () => {
      await this.around.revive();
      await this.exist();
      return send(await this.turn(text));
    });
    if (sent === undefined) {
      return false;
    }
    this.around.memory.addPrompt(prompt);
    this.draft = "";
    this.references.clear();
    this.data.set({ references: [] });
    if (sent.waits) {
      void this.refresh();
    }
    return true;
  }

  /** A turn that asks this. What goes along is known here: the event that the turn has begun doesn't tell. */
  private async turn(text: string): Promise<Turn> {
    const content = await withMentions(text, this.state.cwd ?? this.around.folder());
    const turn = { session_id: this.id, turn_id: newId(), prompt: content };
    if (typeof content !== "string") {
      this.data.transcript.attached(turn.turn_id, await attachmentsOf(content));
    }
    return turn;
  }

  /** Have it in the store, and follow what happens to it. */
  private async exist(): Promise<void> {
    const { state, around } = this;
    if (!state.exists) {
      await createSession(around.client, this.id, state.cwd ?? around.folder(), state.model);
      this.data.set({ exists: true });
      around.created(this.id);
    }
    await this.reader.load();
  }

  // -- The prompt that is being written

  get draft(): string {
    return this.around.memory.draft(this.id);
  }

  set draft(text: string) {
    this.around.memory.keepDraft(this.id, text);
  }

  /** Put a text into the draft from outside of the view. */
  replaceDraft(text: string): void {
    this.draft = text;
    this.draftReplaced.fire(text);
  }

  addReference(label: string, text: string): void {
    this.references.add({ label, text });
    this.data.set({ references: this.references.shown });
  }

  removeReference(id: string): void {
    this.references.remove(id);
    this.data.set({ references: this.references.shown });
  }

  dispose(): void {
    this.reader.dispose();
    this.data.dispose();
    this.draftReplaced.dispose();
  }
}

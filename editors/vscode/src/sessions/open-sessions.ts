/** The sessions that are open in this window, and the one that the side bar shows. */
import { newId } from "meerkat-rpc-client";
import type { Disposable } from "vscode";
import { EventEmitter } from "vscode";

import { forkIndex, messageCount } from "./forking";
import type { Item } from "./items";
import { SessionModel } from "./session-model";
import type { Surroundings } from "./surroundings";

/** All that is open. There is one model of each session, whoever shows it. */
export class OpenSessions implements Disposable {
  private readonly models = new Map<string, SessionModel>();
  private readonly currentChanged = new EventEmitter<SessionModel>();
  readonly onDidChangeCurrent = this.currentChanged.event;
  private readonly changed = new EventEmitter<void>();
  /** The state of any of them changed. */
  readonly onDidChange = this.changed.event;
  private shown: SessionModel;

  constructor(private readonly around: Surroundings) {
    const { id, exists } = around.memory.current ?? { id: newId(), exists: false };
    this.shown = this.model(id, exists);
    around.memory.keepCurrent({ id, exists });
  }

  get current(): SessionModel {
    return this.shown;
  }

  /** Show a session in the side bar. */
  open(sessionId: string): SessionModel {
    return this.use(this.session(sessionId));
  }

  /** Show a new session. One that has nothing yet is as good as new. */
  openNew(): SessionModel {
    const { state, draft } = this.shown;
    return !state.exists && draft === "" ? this.use(this.shown) : this.use(this.model(newId(), false));
  }

  /** The model of a session that is in the store, or that was begun here. */
  session(sessionId: string): SessionModel {
    return this.models.get(sessionId) ?? this.model(sessionId, true);
  }

  /** Those of which something was asked so far. */
  get all(): Iterable<SessionModel> {
    return this.models.values();
  }

  /** Copy a session up to an item, or whole, and show the copy. What was asked there comes into its draft. */
  async fork(session: SessionModel, item?: Item): Promise<SessionModel | undefined> {
    const copy = await session.data.attempt(() => this.copy(session, item));
    if (copy === undefined) {
      return undefined;
    }
    const model = this.open(copy);
    if (item?.kind === "prompt" && item.origin === "prompt") {
      model.replaceDraft(item.text);
    }
    return model;
  }

  /** A session is not in the store: it was deleted, here or elsewhere. */
  forget(sessionId: string): void {
    const gone = this.models.get(sessionId);
    if (gone === this.shown) {
      this.use(this.model(newId(), false));
    }
    this.models.delete(sessionId);
    this.around.memory.keepDraft(sessionId, "");
    gone?.dispose();
  }

  /** A session that was begun here is in the store now: it is the one to come back to. */
  created(sessionId: string): void {
    if (sessionId === this.shown.id) {
      this.around.memory.keepCurrent({ id: sessionId, exists: true });
    }
  }

  dispose(): void {
    for (const model of this.models.values()) {
      model.dispose();
    }
    this.currentChanged.dispose();
    this.changed.dispose();
  }

  private async copy(session: SessionModel, item: Item | undefined): Promise<string> {
    const { client } = this.around;
    const index =
      item === undefined ? await messageCount(client, session.id) : await forkIndex(client, session.id, item);
    if (index === undefined) {
      throw new Error("This turn is not in the history yet: fork once it has ended.");
    }
    const params = { session_id: session.id, message_index: index };
    return (await client.request("session/fork_at", params)).session_id;
  }

  private model(sessionId: string, exists: boolean): SessionModel {
    const model = new SessionModel(sessionId, exists, this.around);
    this.models.set(sessionId, model);
    model.onDidChange((changes) => {
      if (changes.some(({ kind }) => kind === "state")) {
        this.changed.fire();
      }
    });
    return model;
  }

  private use(model: SessionModel): SessionModel {
    if (model !== this.shown) {
      this.shown = model;
      this.around.memory.keepCurrent({ id: model.id, exists: model.state.exists });
      this.currentChanged.fire(model);
    }
    return model;
  }
}

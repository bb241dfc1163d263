/** The chat: what the extension says goes to its parts, and what is pressed goes to the extension. */
import type { Gesture, Shown, ToView } from "../src/chat/messages";
import type { SessionChange, SessionState } from "../src/sessions/items";
import { recall, remember, tell } from "./channel";
import { element } from "./dom";
import { oncePerFrame } from "./frames";
import { listenForKeys } from "./keys";
import { listenForLinks } from "./links";
import { Notices } from "./notices";
import { Prompt } from "./prompt/prompt";
import { Scrolling } from "./transcript/scrolling";
import { Transcript } from "./transcript/transcript";
import { Waiting } from "./waiting";
import { Welcome } from "./welcome";

/** The whole page. */
export class Chat {
  readonly element: HTMLElement;
  private readonly live = element("div", { class: "unseen", role: "status", "aria-live": "polite" });
  private readonly welcome = new Welcome();
  private readonly notices = new Notices();
  private readonly waiting = new Waiting();
  private readonly transcript: Transcript;
  private readonly scrolling: Scrolling;
  private readonly prompt: Prompt;
  private sessionId = "";
  private hasOlder = false;
  private asking = false;
  private readonly keepPlace = oncePerFrame(() => {
    remember({ sessionId: this.sessionId, reading: this.scrolling.reading() });
  });

  constructor() {
    const drawn = (): void => {
      this.scrolling.contentChanged();
    };
    const said = (text: string): void => {
      this.live.textContent = text;
    };
    this.transcript = new Transcript({ drawn, said });
    const content = [this.welcome.element, this.transcript.element, this.waiting.element];
    this.scrolling = new Scrolling(content, () => {
      this.askOlder();
    });
    this.scrolling.element.addEventListener("scroll", this.keepPlace);
    this.prompt = new Prompt(() => {
      this.scrolling.follow();
    });
    const bottom = element(
      "footer",
      { class: "bottom" },
      this.scrolling.jump,
      this.notices.element,
      this.prompt.element,
    );
    this.element = element("div", { class: "chat" }, this.scrolling.element, bottom, this.live);
    listenForKeys(this.transcript, this.prompt);
    listenForLinks(this.element);
  }

  /** Takes a message of the extension's. */
  heard(message: ToView): void {
    if (message.type === "show") this.show(message.shown);
    else if (message.type === "changes") this.change(message.changes, message.state, message.hasOlder);
    else if (message.type === "connection") this.notices.setConnection(message.connection);
    else if (message.type === "draft") this.prompt.replace(message.text);
    else if (message.type === "files") this.prompt.mentions.offer(message.request, message.paths);
    else if (message.type === "sent") this.sent(message.request, message.accepted, message.prompts);
    else this.gesture(message.gesture);
  }

  private show(shown: Shown): void {
    const before = recall();
    const other = this.sessionId !== shown.state.id;
    this.sessionId = shown.state.id;
    this.element.dataset["place"] = shown.place;
    this.element.dataset["session"] = shown.state.id;
    this.transcript.speaker = shown.state.answeredBy ?? "Assistant";
    this.transcript.show(shown.items);
    this.notices.setConnection(shown.connection);
    this.prompt.recent.set(shown.prompts);
    if (other) this.prompt.replace(shown.draft);
    this.update(shown.state, shown.hasOlder);
    const item =
      before?.sessionId === this.sessionId && before.reading && this.transcript.elementOf(before.reading.itemId);
    if (item) this.scrolling.restore(item, before.reading.below);
    else this.scrolling.follow();
    this.keepPlace(); // by which a tab knows its session when the window comes back
  }

  private change(changes: readonly SessionChange[], state: SessionState, hasOlder: boolean): void {
    this.transcript.speaker = state.answeredBy ?? "Assistant";
    for (const change of changes) {
      if (change.kind === "older") {
        this.scrolling.keepPlace(() => {
          this.transcript.apply(change);
        });
      } else this.transcript.apply(change);
    }
    this.update(state, hasOlder);
  }

  private update(state: SessionState, hasOlder: boolean): void {
    this.hasOlder = hasOlder;
    this.asking = false;
    this.element.dataset["state"] = state.needsYou ? "needs-you" : state.busy ? "busy" : "idle";
    this.element.setAttribute("aria-busy", state.loading.toString());
    this.prompt.update(state);
    this.waiting.update(state.waiting);
    this.notices.setSession(state);
    this.welcome.update(state, this.transcript.empty);
    this.scrolling.contentChanged();
  }

  private sent(request: number, accepted: boolean, prompts: readonly string[]): void {
    this.prompt.answered(accepted, this.prompt.pending.get(request) ?? "");
    this.prompt.pending.delete(request);
    this.prompt.recent.set(prompts);
  }

  private gesture(gesture: Gesture): void {
    if (gesture === "focus") this.prompt.box.focus();
    else {
      const [question] = this.transcript.questions;
      const shown = question && this.transcript.elementOf(question.id);
      shown?.scrollIntoView({ block: "center" });
      shown?.querySelector<HTMLElement>(".offers button")?.focus();
    }
  }

  private askOlder(): void {
    if (!this.hasOlder || this.asking) return;
    this.asking = true;
    tell({ type: "older" });
  }
}

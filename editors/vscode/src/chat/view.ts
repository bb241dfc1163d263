/** One webview that shows one session at a time: what changes goes to it, what is pressed there is done here. */
import { commands, Disposable, env, type ExtensionContext, type LogOutputChannel, type Webview } from "vscode";

import type { ChatModel, Session } from "../sessions/interface";
import type { SessionChange } from "../sessions/items";
import { useCode } from "./editing";
import { page } from "./html";
import { openLink } from "./links";
import type { Gesture, Place, SendMode, ToHost, ToView } from "./messages";
import { Window } from "./window";

/** How many files are offered at `@`. */
const FILES_OFFERED = 50;

const FOCUSED = "meerkat.chatFocused";

/** What a view works with. */
export interface ViewContext {
  readonly extension: ExtensionContext;
  readonly model: ChatModel;
  readonly log: LogOutputChannel;
}

/** A webview, the session in it, and the line between them. */
export class ChatView implements Disposable {
  private ready = false;
  private gesture: Gesture | undefined;
  private window: Window;
  private subscriptions: Disposable;
  private readonly lasting: Disposable;

  /** `titled` is called with the session's title whenever there is another one. */
  constructor(
    private readonly context: ViewContext,
    private readonly webview: Webview,
    private readonly place: Place,
    public session: Session,
    private readonly titled: (title: string) => void,
  ) {
    const { extension, model } = context;
    webview.options = { enableScripts: true, localResourceRoots: [extension.extensionUri] };
    this.window = new Window(session);
    this.subscriptions = this.follow(session);
    this.lasting = Disposable.from(
      webview.onDidReceiveMessage((message: ToHost) => this.heard(message)),
      model.onDidChangeConnection((connection) => {
        this.post({ type: "connection", connection });
      }),
    );
    webview.html = page(webview, extension.extensionUri);
    titled(session.state.title);
  }

  /** Shows another session. */
  show(session: Session): void {
    if (session === this.session) return;
    this.subscriptions.dispose();
    this.session = session;
    this.window = new Window(session);
    this.subscriptions = this.follow(session);
    this.titled(session.state.title);
    this.showAll();
  }

  /** The page was taken away; it says when it is there again. */
  hidden(): void {
    this.ready = false;
    void commands.executeCommand("setContext", FOCUSED, false);
  }

  /** Does something in the page, now or as soon as it is there. */
  do(gesture: Gesture): void {
    this.gesture = gesture;
    this.postGesture();
  }

  dispose(): void {
    this.hidden();
    this.subscriptions.dispose();
    this.lasting.dispose();
  }

  private follow(session: Session): Disposable {
    return Disposable.from(
      session.onDidChange((changes) => {
        this.changed(changes);
      }),
      session.onDidReplaceDraft((text) => {
        this.post({ type: "draft", text });
      }),
      session.show(),
    );
  }

  private changed(changes: readonly SessionChange[]): void {
    if (changes.some((change) => change.kind !== "text")) this.titled(this.session.state.title);
    if (!this.ready) return;
    if (changes.some((change) => change.kind === "reset")) this.showAll();
    else this.postChanges(this.window.concerned(changes));
  }

  private postChanges(changes: readonly SessionChange[]): void {
    this.post({ type: "changes", changes, state: this.session.state, hasOlder: this.window.hasOlder });
  }

  private showAll(): void {
    const { model } = this.context;
    const items = this.window.end();
    const { state, draft } = this.session;
    const [prompts, connection] = [model.promptHistory(), model.connection];
    const shown = { state, items, hasOlder: this.window.hasOlder, draft, prompts, connection, place: this.place };
    this.post({ type: "show", shown });
    this.postGesture();
  }

  private postGesture(): void {
    if (!this.ready || !this.gesture) return;
    this.post({ type: "gesture", gesture: this.gesture });
    this.gesture = undefined;
  }

  private post(message: ToView): void {
    if (this.ready) void this.webview.postMessage(message);
  }

  private async heard(message: ToHost): Promise<void> {
    try {
      await this.act(message);
    } catch (error) {
      this.context.log.error(`The chat's ${message.type} failed: ${String(error)}`);
    }
  }

  private async act(message: ToHost): Promise<void> {
    const { session } = this;
    switch (message.type) {
      case "ready":
        this.ready = true;
        return this.showAll();
      case "send":
        return this.send(message.request, message.text, message.mode);
      case "older":
        return this.older();
      case "find-files":
        return this.findFiles(message.request, message.typed);
      case "run":
        return this.run(message.command);
      case "stop":
        return session.stop();
      case "dequeue":
        return this.takeBack(message.turnId);
      case "answer":
        return session.answer(message.approvalId, message.choice, message.remember);
      case "remove-reference":
        return session.removeReference(message.id);
      case "draft":
        session.draft = message.text;
        return;
      case "fork":
        return this.context.model.fork(session, message.itemId);
      case "copy":
        return env.clipboard.writeText(message.text);
      case "code":
        return useCode(message.action, message.code, message.language);
      case "link":
        return openLink(message.href, session.state.cwd);
      case "focused":
        await commands.executeCommand("setContext", FOCUSED, message.focused);
    }
  }

  private async send(request: number, text: string, mode: SendMode): Promise<void> {
    const { session } = this;
    const accepted = await (mode === "send" ? session.send(text) : session.steer(text));
    if (accepted && session.draft === text) session.draft = "";
    this.post({ type: "sent", request, accepted, prompts: this.context.model.promptHistory() });
  }

  /** A prompt that is taken back can be changed and sent again. */
  private async takeBack(turnId: string): Promise<void> {
    const { session } = this;
    const text = await session.dequeue(turnId);
    if (!text) return;
    session.draft = [text, session.draft].filter(Boolean).join("\n");
    this.post({ type: "draft", text: session.draft });
  }

  private async older(): Promise<void> {
    const items = this.window.older();
    if (items.length === 0) await this.session.loadOlder();
    this.postChanges(items.length > 0 ? [{ kind: "older", items }] : []);
  }

  private async findFiles(request: number, typed: string): Promise<void> {
    const paths = await this.context.model.findFiles(this.session, typed, FILES_OFFERED);
    this.post({ type: "files", request, paths });
  }

  /** Runs one of the extension's commands, or one that a notice offers; the page may ask for no other. */
  private async run(command: string): Promise<void> {
    const problems = [this.session.state.problem, this.context.model.connection.problem];
    const offered = problems.some((problem) => problem?.actions.some((action) => action.command === command));
    if (offered || command.startsWith("meerkat.")) await commands.executeCommand(command, this.session.id);
  }
}

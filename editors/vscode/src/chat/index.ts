/** The chat: in the side bar, and in editors' tabs. */
import {
  commands,
  Disposable,
  EventEmitter,
  type ExtensionContext,
  type LogOutputChannel,
  type WebviewView,
  type WebviewViewProvider,
  window,
} from "vscode";

import type { ChatModel, ChatSurface, Session } from "../sessions/interface";
import { Panels } from "./panels";
import { ChatView, type ViewContext } from "./view";

const VIEW_ID = "meerkat.chat";

/** Makes the chat known to VS Code; it is there until the extension ends. */
export function registerChat(extension: ExtensionContext, model: ChatModel, log: LogOutputChannel): ChatSurface {
  const chat = new Chat({ extension, model, log });
  extension.subscriptions.push(chat);
  return chat;
}

/**
 * The side bar's view follows the model's current session; a tab keeps its own.
 *
 * Hidden pages aren't retained: showing a session's end takes less time than one notices, and memory is the users'.
 */
class Chat implements ChatSurface, WebviewViewProvider {
  private side: { readonly holder: WebviewView; readonly view: ChatView } | undefined;
  private readonly panels: Panels;
  private readonly changed = new EventEmitter<boolean>();
  readonly onDidChangeVisible = this.changed.event;
  private readonly registrations: Disposable;
  private wasVisible = false;
  private focusSide = false;

  constructor(private readonly context: ViewContext) {
    this.panels = new Panels(context);
    this.registrations = Disposable.from(
      window.registerWebviewViewProvider(VIEW_ID, this),
      commands.registerCommand("meerkat.focusPrompt", () => this.focus()),
      context.model.onDidChangeCurrent((session) => {
        this.follow(session);
      }),
      this.panels.onDidChange(() => {
        this.update();
      }),
      this.panels,
      this.changed,
    );
  }

  get visible(): boolean {
    return (this.side?.holder.visible ?? false) || this.panels.showing(this.context.model.current) !== undefined;
  }

  /** Called by VS Code when the view is shown for the first time, or again after it was taken away. */
  resolveWebviewView(holder: WebviewView): void {
    const view = new ChatView(this.context, holder.webview, "sidebar", this.context.model.current, (title) => {
      if (holder.description !== title) holder.description = title;
    });
    this.side = { holder, view };
    holder.onDidChangeVisibility(() => {
      if (!holder.visible) view.hidden();
      this.update();
    });
    holder.onDidDispose(() => {
      view.dispose();
      this.side = undefined;
      this.update();
    });
    if (this.focusSide) view.do("focus");
    this.focusSide = false;
    this.update();
  }

  async focus(): Promise<void> {
    const tab = this.side?.holder.visible ? undefined : this.panels.showing(this.context.model.current);
    if (tab) {
      this.openInEditor(tab.session);
      return;
    }
    this.focusSide = !this.side;
    this.side?.view.do("focus");
    await commands.executeCommand(`${VIEW_ID}.focus`);
  }

  openInEditor(session: Session): void {
    this.panels.show(session).do("focus");
  }

  revealApproval(): void {
    const tab = this.panels.showing(this.context.model.current);
    if (tab && !this.side?.holder.visible) tab.do("reveal-approval");
    else {
      void commands.executeCommand(`${VIEW_ID}.focus`);
      this.side?.view.do("reveal-approval");
    }
  }

  dispose(): void {
    this.side?.view.dispose();
    this.registrations.dispose();
  }

  private follow(session: Session): void {
    this.side?.view.show(session);
    this.update();
  }

  private update(): void {
    const { visible } = this;
    if (visible === this.wasVisible) return;
    this.wasVisible = visible;
    this.changed.fire(visible);
    void commands.executeCommand("setContext", "meerkat.chatVisible", visible);
  }
}

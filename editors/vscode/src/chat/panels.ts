/** Sessions in editors' tabs, which come back with the window. */
import type { Disposable } from "vscode";
import { EventEmitter, Uri, ViewColumn, type WebviewPanel, type WebviewPanelSerializer, window } from "vscode";

import type { Session } from "../sessions/interface";
import { ChatView, type ViewContext } from "./view";

/** The type of the tabs, by which VS Code brings them back. */
export const PANEL_TYPE = "meerkat.session";

const UNTITLED = "New session";

/** The tabs that are open. */
export class Panels implements WebviewPanelSerializer, Disposable {
  private readonly open = new Map<WebviewPanel, ChatView>();
  private readonly changed = new EventEmitter<void>();
  /** A tab came, went, was shown or hidden. */
  readonly onDidChange = this.changed.event;
  private readonly registration: Disposable;

  constructor(private readonly context: ViewContext) {
    this.registration = window.registerWebviewPanelSerializer(PANEL_TYPE, this);
  }

  /** The view of the tab that shows the session, if a tab does so now. */
  showing(session: Session): ChatView | undefined {
    for (const [panel, view] of this.open) if (panel.visible && view.session === session) return view;
    return undefined;
  }

  /** Shows a session in a tab: the one that has it, or a new one. */
  show(session: Session): ChatView {
    for (const [panel, view] of this.open) {
      if (view.session !== session) continue;
      panel.reveal();
      return view;
    }
    return this.adopt(window.createWebviewPanel(PANEL_TYPE, UNTITLED, ViewColumn.Active), session);
  }

  /** Called by VS Code with each tab of the last time. */
  deserializeWebviewPanel(panel: WebviewPanel, state: unknown): Promise<void> {
    const id = (state as { sessionId?: string } | undefined)?.sessionId;
    if (id) this.adopt(panel, this.context.model.session(id));
    else panel.dispose();
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
    for (const panel of this.open.keys()) panel.dispose();
    this.changed.dispose();
  }

  private adopt(panel: WebviewPanel, session: Session): ChatView {
    const view = new ChatView(this.context, panel.webview, "tab", session, (title) => {
      if (title && panel.title !== title) panel.title = title;
    });
    panel.iconPath = icons(this.context.extension.extensionUri);
    panel.onDidChangeViewState(() => {
      if (!panel.visible) view.hidden();
      this.changed.fire();
    });
    panel.onDidDispose(() => {
      this.open.delete(panel);
      view.dispose();
      this.changed.fire();
    });
    this.open.set(panel, view);
    this.changed.fire();
    return view;
  }
}

function icons(extension: Uri): { light: Uri; dark: Uri } {
  const media = Uri.joinPath(extension, "media");
  return { light: Uri.joinPath(media, "meerkat-light.svg"), dark: Uri.joinPath(media, "meerkat-dark.svg") };
}

/** The tree of sessions in the side bar. */
import { messageOf } from "meerkat-rpc-client";
import type { Event, TreeDataProvider } from "vscode";
import {
  commands,
  Disposable,
  EventEmitter,
  MarkdownString,
  ThemeColor,
  ThemeIcon,
  TreeItem,
  TreeItemCollapsibleState,
  window,
} from "vscode";

import { workFolder } from "../settings";
import type { Row, SessionListing } from "./listing";
import { PAGE_SESSIONS } from "./listing";
import { description, iconOf, stateOf, titleOf } from "./wording";

/** A row of the tree, or the last one, which brings more. */
export type Node = { readonly kind: "session"; readonly row: Row } | { readonly kind: "more"; readonly left: number };

/** Shows what the store has: of this folder or of all, and the archived ones if wanted. */
export class SessionTree implements TreeDataProvider<Node>, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeTreeData: Event<void> = this.changed.event;
  private readonly view = window.createTreeView<Node>("meerkat.sessions", { treeDataProvider: this });
  private readonly subscriptions: Disposable;
  private allFolders = false;
  private archived = false;
  private limit = PAGE_SESSIONS;
  private isOutdated = false;

  constructor(private readonly listing: SessionListing) {
    this.subscriptions = Disposable.from(
      this.view,
      this.changed,
      listing.onDidChange(() => {
        this.refresh();
      }),
      this.view.onDidChangeVisibility(() => {
        this.shown();
      }),
      window.onDidChangeWindowState(({ focused }) => {
        if (focused) {
          this.refresh(); // ages, and what a server without notices of changes doesn't tell
        }
      }),
      commands.registerCommand("meerkat.sessions.refresh", () => {
        this.refresh();
      }),
      commands.registerCommand("meerkat.sessions.allFolders", () => this.show({ allFolders: true })),
      commands.registerCommand("meerkat.sessions.thisFolder", () => this.show({ allFolders: false })),
      commands.registerCommand("meerkat.sessions.showArchived", () => this.show({ archived: true })),
      commands.registerCommand("meerkat.sessions.hideArchived", () => this.show({ archived: false })),
      commands.registerCommand("meerkat.sessions.more", () => {
        this.limit += PAGE_SESSIONS;
        this.refresh();
      }),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  getTreeItem(node: Node): TreeItem {
    return node.kind === "more" ? moreItem(node.left) : this.sessionItem(node.row);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node !== undefined) {
      return [];
    }
    try {
      return await this.nodes();
    } catch (error) {
      this.view.message = messageOf(error);
      return [];
    }
  }

  private async nodes(): Promise<Node[]> {
    const filter = { cwd: this.allFolders ? null : workFolder(), archived: this.archived };
    const { rows, total } = await this.listing.read(filter, this.limit);
    this.view.message = rows.length === 0 && (this.archived || this.allFolders) ? "No sessions here." : "";
    await commands.executeCommand("setContext", "meerkat.sessionsRead", true);
    const nodes: Node[] = rows.map((row) => ({ kind: "session", row }));
    return total > rows.length ? [...nodes, { kind: "more", left: total - rows.length }] : nodes;
  }

  private sessionItem(row: Row): TreeItem {
    const { session } = row;
    const item = new TreeItem(titleOf(session), TreeItemCollapsibleState.None);
    item.id = session.session_id;
    item.description = description(row, this.allFolders);
    item.iconPath = new ThemeIcon(iconOf(row), row.needsYou ? new ThemeColor("charts.yellow") : undefined);
    item.contextValue = session.archived ? "archived" : "session";
    item.tooltip = tooltip(row);
    item.command = { command: "meerkat.open", title: "Open", arguments: [session.session_id] };
    return item;
  }

  private async show(what: { allFolders?: boolean; archived?: boolean }): Promise<void> {
    this.allFolders = what.allFolders ?? this.allFolders;
    this.archived = what.archived ?? this.archived;
    this.limit = PAGE_SESSIONS;
    await commands.executeCommand("setContext", "meerkat.allFolders", this.allFolders);
    await commands.executeCommand("setContext", "meerkat.showArchived", this.archived);
    this.refresh();
  }

  /** Nobody looks at a hidden tree: it is read when it is shown again. */
  private refresh(): void {
    if (this.view.visible) {
      this.changed.fire();
    } else {
      this.isOutdated = true;
    }
  }

  private shown(): void {
    if (this.view.visible && this.isOutdated) {
      this.isOutdated = false;
      this.changed.fire();
    }
  }
}

function moreItem(left: number): TreeItem {
  const item = new TreeItem(`${left} more…`, TreeItemCollapsibleState.None);
  item.iconPath = new ThemeIcon("ellipsis");
  item.command = { command: "meerkat.sessions.more", title: "Show More" };
  return item;
}

function tooltip(row: Row): MarkdownString {
  const { session } = row;
  const text = new MarkdownString().appendText(titleOf(session)).appendMarkdown("\n\n");
  const state = stateOf(row);
  const lines = [
    ...(session.cwd === null ? [] : [session.cwd]),
    `${session.message_count} messages, ${session.total_tokens} tokens`,
    ...(state === undefined ? [] : [state]),
    new Date(session.updated_at * 1000).toLocaleString(),
  ];
  return text.appendText(lines.join("\n"));
}

/** Picking a session by typing a part of its title. */
import { messageOf } from "meerkat-rpc-client";
import type { QuickInputButton, QuickPickItem } from "vscode";
import { ThemeIcon, window } from "vscode";

import { workFolder } from "../settings";
import type { Row, SessionListing } from "./listing";
import { description, iconOf, titleOf } from "./wording";

/** As many rows as a person filters by typing. */
const MOST_ROWS = 1_000;

interface SessionPick extends QuickPickItem {
  readonly sessionId?: string;
}

/** Which sessions are offered at first; buttons change it. */
export interface Scope {
  readonly allFolders: boolean;
  readonly archived: boolean;
}

/** Ask for a session; undefined when nobody chose one. */
export function pickSession(
  listing: SessionListing,
  begin: Scope = { allFolders: false, archived: false },
): Promise<string | undefined> {
  return new SessionPicker(listing, begin).result;
}

/** The pick while it is open. */
class SessionPicker {
  readonly result: Promise<string | undefined>;
  private readonly pick = window.createQuickPick<SessionPick>();

  constructor(
    private readonly listing: SessionListing,
    private scope: Scope,
  ) {
    const { pick } = this;
    pick.placeholder = "Session";
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    this.result = new Promise((resolve, reject) => {
      pick.onDidAccept(() => {
        resolve(pick.selectedItems[0]?.sessionId);
        pick.hide();
      });
      pick.onDidHide(() => {
        resolve(undefined);
        pick.dispose();
      });
      pick.onDidTriggerButton((button) => {
        this.scope = toggled(this.scope, button);
        this.load(reject);
      });
      this.load(reject);
      pick.show();
    });
  }

  /** Show the rows of the scope, unless it has changed again meanwhile. */
  private load(failed: (error: Error) => void): void {
    const { scope, pick } = this;
    pick.busy = true;
    pick.buttons = buttons(scope);
    rows(this.listing, scope).then(
      (items) => {
        if (scope === this.scope) {
          pick.items = items;
          pick.busy = false;
        }
      },
      (error: unknown) => {
        failed(new Error(messageOf(error), { cause: error }));
        pick.hide();
      },
    );
  }
}

async function rows(listing: SessionListing, { allFolders, archived }: Scope): Promise<SessionPick[]> {
  const filter = { cwd: allFolders ? null : workFolder(), archived };
  const page = await listing.read(filter, MOST_ROWS);
  return page.rows.length === 0 ? [nothing(allFolders)] : page.rows.map((row) => item(row, allFolders));
}

function item(row: Row, withFolder: boolean): SessionPick {
  const { session } = row;
  return {
    label: titleOf(session),
    description: description(row, withFolder),
    iconPath: new ThemeIcon(iconOf(row)),
    sessionId: session.session_id,
    ...(withFolder && session.cwd !== null ? { detail: session.cwd } : {}),
  };
}

function nothing(allFolders: boolean): SessionPick {
  const label = allFolders ? "No sessions" : "No sessions in this folder";
  return { label, alwaysShow: true };
}

function buttons({ allFolders, archived }: Scope): QuickInputButton[] {
  return [
    allFolders
      ? { iconPath: new ThemeIcon("folder"), tooltip: "Only this folder" }
      : { iconPath: new ThemeIcon("globe"), tooltip: "All folders" },
    archived
      ? { iconPath: new ThemeIcon("comment-discussion"), tooltip: "Without archived sessions" }
      : { iconPath: new ThemeIcon("archive"), tooltip: "Archived sessions" },
  ];
}

function toggled(scope: Scope, { tooltip }: QuickInputButton): Scope {
  return tooltip === "All folders" || tooltip === "Only this folder"
    ? { ...scope, allFolders: !scope.allFolders }
    : { ...scope, archived: !scope.archived };
}

/** What is selected in the editor, as a prompt refers to it. */
import { basename } from "node:path";

import type { TextEditor } from "vscode";
import { workspace } from "vscode";

import { fenced } from "./sessions/references";

/** A part of a document: its place, and its text as a block that every model can read. */
export interface Selected {
  /** Such as `src/a.ts#L1-9`. */
  readonly label: string;
  readonly text: string;
}

/** The selection, or undefined where nothing is selected. A line whose beginning is the selection's end isn't part of it. */
export function selectionOf(editor: TextEditor | undefined): Selected | undefined {
  if (editor === undefined || editor.selection.isEmpty) {
    return undefined;
  }
  const { document, selection } = editor;
  const first = selection.start.line + 1;
  const last = selection.end.character === 0 ? selection.end.line : selection.end.line + 1;
  const lines = last > first ? `#L${first}-${last}` : `#L${first}`;
  return {
    label: pathOf(document.uri.scheme, document.uri.path) + lines,
    text: fenced(document.getText(selection), document.languageId),
  };

  function pathOf(scheme: string, path: string): string {
    return scheme === "file" || scheme === "vscode-remote"
      ? workspace.asRelativePath(document.uri, (workspace.workspaceFolders?.length ?? 0) > 1)
      : basename(path);
  }
}

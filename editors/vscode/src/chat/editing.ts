/** What the buttons of a code block do. */
import { env, languages, Range, type TextEditor, ViewColumn, window, workspace } from "vscode";

import type { CodeAction } from "./messages";

/** What people write behind a fence, where VS Code calls it otherwise. */
const LANGUAGE_IDS: Readonly<Record<string, string>> = {
  bash: "shellscript",
  "c++": "cpp",
  "c#": "csharp",
  cs: "csharp",
  console: "shellscript",
  js: "javascript",
  jsx: "javascriptreact",
  md: "markdown",
  py: "python",
  rb: "ruby",
  rs: "rust",
  sh: "shellscript",
  shell: "shellscript",
  ts: "typescript",
  tsx: "typescriptreact",
  yml: "yaml",
  zsh: "shellscript",
};

/** Copies the code, puts it at the cursor, or in place of the selection. Without an editor it becomes a new document. */
export async function useCode(action: CodeAction, code: string, language: string): Promise<void> {
  const text = code.replace(/\n$/u, "");
  if (action === "copy") {
    await env.clipboard.writeText(text);
    return;
  }
  const editor = window.activeTextEditor ?? window.visibleTextEditors.find((one) => one.document.uri.scheme === "file");
  if (!editor) await open(text, language);
  else if (action === "insert") await put(editor, text, new Range(editor.selection.active, editor.selection.active));
  else if (!editor.selection.isEmpty) await put(editor, text, editor.selection);
  else await choose(editor, text, language);
}

/** With nothing selected it isn't clear what the code replaces, so the user says. */
async function choose(editor: TextEditor, text: string, language: string): Promise<void> {
  const name = workspace.asRelativePath(editor.document.uri);
  const all = { label: `Replace all of ${name}` };
  const cursor = { label: "Insert at the cursor" };
  const fresh = { label: "Open as a new document" };
  const picked = await window.showQuickPick([all, cursor, fresh], { title: "Nothing is selected in the editor" });
  const { document, selection } = editor;
  if (picked === all) await put(editor, text, new Range(0, 0, document.lineCount, 0));
  else if (picked === cursor) await put(editor, text, new Range(selection.active, selection.active));
  else if (picked === fresh) await open(text, language);
}

async function put(editor: TextEditor, text: string, range: Range): Promise<void> {
  const shown = await window.showTextDocument(editor.document, {
    viewColumn: editor.viewColumn ?? ViewColumn.One,
    preserveFocus: false,
  });
  const done = await shown.edit((edit) => {
    edit.replace(range, text);
  });
  if (!done) window.setStatusBarMessage("Meerkat: the document can't be changed", 5000);
}

async function open(content: string, language: string): Promise<void> {
  const name = language.toLowerCase();
  const id = LANGUAGE_IDS[name] ?? name;
  const known = (await languages.getLanguages()).includes(id);
  await window.showTextDocument(await workspace.openTextDocument({ content, language: known ? id : "plaintext" }));
}

/** The extension's two ends. */
import type { ExtensionContext } from "vscode";

export function activate(_context: ExtensionContext): void {
  return;
}

/** The doctor's report as a document of its own, which needs no saving. */
import type { Disposable, ExtensionContext, LogOutputChannel, TextDocumentContentProvider } from "vscode";
import { EventEmitter, languages, Uri, version, window, workspace } from "vscode";

import type { ServerConnection } from "../server/connection";
import { COMMAND_SETTING, workFolder } from "../settings";
import { examine, report } from "./checks";

const SCHEME = "meerkat-doctor";
const DOCUMENT = Uri.from({ scheme: SCHEME, path: "/Meerkat Doctor.md" });

/** Shows the report; asking for it again makes it anew. */
export class Doctor implements TextDocumentContentProvider, Disposable {
  private readonly changed = new EventEmitter<Uri>();
  readonly onDidChange = this.changed.event;
  private readonly registration = workspace.registerTextDocumentContentProvider(SCHEME, this);
  private text = "";

  constructor(
    private readonly server: ServerConnection,
    private readonly context: ExtensionContext,
    private readonly log: LogOutputChannel,
  ) {}

  provideTextDocumentContent(): string {
    return this.text;
  }

  async show(): Promise<void> {
    const findings = await examine(this.server.client, this.circumstances());
    this.text = report(findings);
    this.changed.fire(DOCUMENT);
    const document = await workspace.openTextDocument(DOCUMENT);
    await languages.setTextDocumentLanguage(document, "markdown");
    await window.showTextDocument(document, { preview: true });
    for (const { level, subject, text } of findings) {
      this.log.info(`doctor: ${level}: ${subject}: ${text}`);
    }
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }

  private circumstances(): Parameters<typeof examine>[1] {
    const manifest = this.context.extension.packageJSON as {
      readonly version: string;
      readonly engines: { readonly vscode: string };
    };
    return {
      editorVersion: version,
      minimumVersion: manifest.engines.vscode.replace(/^\D+/u, ""),
      extensionVersion: manifest.version,
      nodeVersion: process.versions.node,
      folder: workFolder(),
      logPath: this.context.logUri.fsPath,
      lastCrash: this.server.lastCrash,
      commandSetting: COMMAND_SETTING,
    };
  }
}

/** The user's settings, each as it is needed. package.json describes them. */
import { homedir } from "node:os";

import { workspace } from "vscode";

const SECTION = "meerkat";

/** The setting's name, for messages. */
export const COMMAND_SETTING = "meerkat.server.command";

/** What the server is started with. */
export interface ServerSettings {
  readonly command: string | readonly string[] | null;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | null>>;
  readonly model: string | null;
}

/** The settings as they are now. What has another type than it should have counts as not set. */
export function serverSettings(): ServerSettings {
  const settings = workspace.getConfiguration(SECTION);
  return {
    command: commandOf(settings.get("server.command")),
    args: strings(settings.get("server.args")) ?? [],
    env: settings.get<Record<string, string | null>>("server.env") ?? {},
    model: text(settings.get("model")),
  };
}

/** Whether people are told of what ends or waits while they look elsewhere. */
export function notifies(): boolean {
  return workspace.getConfiguration(SECTION).get("notifications", true);
}

/** Whether the JSON-RPC messages are logged. */
export function logsTraffic(): boolean {
  return workspace.getConfiguration(SECTION).get("traffic", false);
}

/** The folder that new sessions work in: the first of the workspace, or the home of somebody who has none open. */
export function workFolder(): string {
  const folder = workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file");
  return folder?.uri.fsPath ?? homedir();
}

function commandOf(value: unknown): string | readonly string[] | null {
  const list = strings(value);
  return list === null || list.length === 0 ? text(value) : list;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
}

function strings(value: unknown): readonly string[] | null {
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : null;
}

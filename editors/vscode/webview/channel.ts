/** The webview's end of the line to the extension. */
import type { ToHost, ToView } from "../src/chat/messages";

/** What outlives the page when VS Code takes it away: only where one was reading. What is typed the extension keeps. */
export interface Remembered {
  readonly sessionId: string;
  /** The first item that was seen, and how far below the top's edge it began; null at the end. */
  readonly reading: { readonly itemId: string; readonly below: number } | null;
}

interface Host {
  postMessage(message: ToHost): void;
  getState(): Remembered | undefined;
  setState(state: Remembered): void;
}

declare function acquireVsCodeApi(): Host;

const host = acquireVsCodeApi();

/** Says something to the extension. */
export function tell(message: ToHost): void {
  host.postMessage(message);
}

/** Hears everything that the extension says. */
export function listen(heard: (message: ToView) => void): void {
  window.addEventListener("message", (event: MessageEvent<ToView>) => {
    heard(event.data);
  });
}

/** What the page before this one left. */
export function recall(): Remembered | undefined {
  return host.getState();
}

/** Leaves something for the page after this one. */
export function remember(state: Remembered): void {
  host.setState(state);
}

/** What an empty session shows: how to ask, and who answers. */
import type { SessionState } from "../src/sessions/items";
import { tell } from "./channel";
import { element } from "./dom";

const HINTS: readonly [string, string][] = [
  ["Enter", "asks; Shift+Enter begins a new line"],
  ["@", "mentions a file, which goes with the prompt"],
  ["↑", "brings earlier prompts back"],
  ["Esc", "stops an answer"],
];

/** Shown while there is no message. */
export class Welcome {
  readonly element = element("section", { class: "welcome" });

  /** Another session, or another state of it. */
  update(state: SessionState, empty: boolean): void {
    const shown = empty && !state.loading && !state.busy;
    this.element.hidden = !shown;
    if (!shown) return;
    const keys = HINTS.flatMap(([key, what]) => [element("dt", {}, element("kbd", {}, key)), element("dd", {}, what)]);
    const resume = element(
      "button",
      { type: "button", class: "link", onClick: resumeSession },
      "Go on with an earlier session",
    );
    this.element.replaceChildren(element("h1", {}, "Ask Meerkat"), answers(state), element("dl", {}, ...keys), resume);
  }
}

function answers(state: SessionState): HTMLElement {
  const name = state.answeredBy ?? state.model;
  return element("p", {}, name ? `${name} answers.` : "The server's default model answers.");
}

function resumeSession(): void {
  tell({ type: "run", command: "meerkat.resume" });
}

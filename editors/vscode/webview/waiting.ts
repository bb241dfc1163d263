/** Prompts that wait for the running turn. */
import type { WaitingPrompt } from "../src/sessions/items";
import { tell } from "./channel";
import { element, iconButton } from "./dom";
import { icon } from "./icons";

/** The list of them, below the conversation. */
export class Waiting {
  readonly element = element("ul", { class: "waiting", "aria-label": "Waiting prompts" });
  private shown = "";

  /** Others wait now. */
  update(prompts: readonly WaitingPrompt[]): void {
    const key = JSON.stringify(prompts);
    if (key === this.shown) return;
    this.shown = key;
    this.element.hidden = prompts.length === 0;
    this.element.replaceChildren(...prompts.map(row));
  }
}

function row(prompt: WaitingPrompt): HTMLElement {
  const what = prompt.steer ? "For this turn" : "Next";
  const back = iconButton(icon("close"), "Take it back", () => {
    tell({ type: "dequeue", turnId: prompt.turnId });
  });
  const text = element("span", { class: "text", dir: "auto" }, prompt.text);
  return element("li", {}, element("span", { class: "what" }, what), text, back);
}

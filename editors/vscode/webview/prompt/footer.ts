/** What goes with the prompt, and who will answer it. */
import type { Reference, SessionState } from "../../src/sessions/items";
import { tell } from "../channel";
import { element, iconButton } from "../dom";
import { icon } from "../icons";

/** The references above the prompt and the line below it. */
export class Footer {
  readonly chips = element("ul", { class: "chips", "aria-label": "Goes with the prompt" });
  readonly line = element("div", { class: "footer" });
  private readonly model = element("button", {
    type: "button",
    class: "model",
    title: "Choose the model",
    onClick: chooseModel,
  });
  private readonly status = element("span", { class: "status" });

  constructor() {
    this.line.append(this.model, this.status);
  }

  /** Another state of the session. */
  update(state: SessionState): void {
    this.chips.hidden = state.references.length === 0;
    this.chips.replaceChildren(...state.references.map(chip));
    this.model.textContent = state.answeredBy ?? state.model ?? "default model";
    this.status.textContent = status(state);
    this.status.dataset["state"] = state.needsYou ? "needs-you" : state.busy ? "busy" : "idle";
  }
}

function status(state: SessionState): string {
  if (state.needsYou) return "needs you";
  return state.busy ? "working …" : "";
}

function chip(reference: Reference): HTMLElement {
  const remove = iconButton(icon("close"), `Leave ${reference.label} out`, () => {
    tell({ type: "remove-reference", id: reference.id });
  });
  return element("li", { class: "chip" }, reference.label, remove);
}

function chooseModel(): void {
  tell({ type: "run", command: "meerkat.model" });
}

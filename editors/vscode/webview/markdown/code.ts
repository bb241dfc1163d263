/** What can be done with a block of code: copy it, put it into the editor, let it take the place of what is selected there. */
import type { CodeAction } from "../../src/chat/messages";
import { tell } from "../channel";
import { element, iconButton } from "../dom";
import { icon, type IconName } from "../icons";

/** How long a button shows that it did its work. */
const CONFIRMED_MS = 1500;

const ACTIONS: readonly [CodeAction, IconName, string][] = [
  ["copy", "copy", "Copy"],
  ["insert", "insert", "Insert at the cursor"],
  ["apply", "apply", "Replace the selection"],
];

/** Gives every block of code below `root` its head, once. */
export function addCodeHeads(root: ParentNode): void {
  for (const block of root.querySelectorAll<HTMLElement>(".code:not(:has(.code-head))")) block.prepend(head(block));
}

/** Copies, and shows with the button that it was done. */
export function confirm(button: HTMLButtonElement, shown: IconName): void {
  button.replaceChildren(icon("done"));
  setTimeout(() => {
    button.replaceChildren(icon(shown));
  }, CONFIRMED_MS);
}

function head(block: HTMLElement): HTMLElement {
  const language = block.dataset["language"] ?? "";
  const buttons = ACTIONS.map(([action, drawing, name]) => {
    const button = iconButton(icon(drawing), name, () => {
      tell({ type: "code", action, code: block.querySelector("code")?.textContent ?? "", language });
      if (action === "copy") confirm(button, drawing);
    });
    return button;
  });
  return element("div", { class: "code-head" }, element("span", { class: "language" }, language), ...buttons);
}

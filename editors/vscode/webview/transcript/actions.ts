/** The small buttons beside a message. */
import { tell } from "../channel";
import { element, iconButton } from "../dom";
import { icon } from "../icons";
import { confirm } from "../markdown/code";

interface Actions {
  readonly text: () => string;
  readonly fork: { readonly itemId: string; readonly before: boolean };
}

/** Copy the message, and go on from it in a new session. */
export function itemActions(actions: Actions): HTMLElement {
  const copy = iconButton(icon("copy"), "Copy the message", () => {
    tell({ type: "copy", text: actions.text() });
    confirm(copy, "copy");
  });
  const { itemId, before } = actions.fork;
  const name = before ? "Ask something else here, in a new session" : "Go on from here in a new session";
  const fork = iconButton(
    icon(before ? "edit" : "fork"),
    name,
    () => {
      tell({ type: "fork", itemId });
    },
    "fork",
  );
  return element("span", { class: "actions" }, copy, fork);
}

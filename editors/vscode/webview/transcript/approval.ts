/** A question to the user, where it came up. It is answered with one key or one press, or elsewhere. */
import type { ApprovalItem } from "../../src/sessions/items";
import { tell } from "../channel";
import { element } from "../dom";
import { questionDetails, revealed } from "./details";
import type { ItemView } from "./view";

type Remember = "once" | "session" | "always";

/** One of the answers. */
interface Offer {
  readonly label: string;
  readonly choice: string;
  readonly remember: Remember;
}

/** The answers in the order of their keys: 1 is the first. Only the first choice can be remembered. */
export function offers(item: ApprovalItem): readonly Offer[] {
  const [first, ...others] = item.choices;
  if (first === undefined) return [];
  const rest = others.map((choice): Offer => ({ label: sentence(choice), choice, remember: "once" }));
  if (!item.rule) return [{ label: sentence(first), choice: first, remember: "once" }, ...rest];
  return [
    { label: `${sentence(first)} once`, choice: first, remember: "once" },
    { label: `${sentence(first)} for this session`, choice: first, remember: "session" },
    { label: `Always ${first}`, choice: first, remember: "always" },
    ...rest,
  ];
}

/** Answers. The question goes when the answer stands: somebody elsewhere may have been faster. */
export function respond(item: ApprovalItem, offer: Offer): void {
  tell({ type: "answer", approvalId: item.approvalId, choice: offer.choice, remember: offer.remember });
}

/** Shows a question, or what was answered. */
export function approvalView(item: ApprovalItem): ItemView<ApprovalItem> {
  const article = element("article", { class: "item approval", "data-item": item.id });
  const update = (next: ApprovalItem): void => {
    article.classList.toggle("waiting", next.resolved === undefined);
    article.replaceChildren(...(next.resolved === undefined ? question(next) : [answered(next, next.resolved)]));
  };
  update(item);
  return {
    element: article,
    update,
    said: (next) =>
      next.resolved === undefined
        ? `Needs your answer: ${next.summary}`
        : `${sentence(next.resolved)}: ${next.summary}`,
  };
}

function question(item: ApprovalItem): Node[] {
  const heading = element("h2", {}, "Needs your answer");
  const summary = element("p", { class: "summary", dir: "auto" }, revealed(item.summary));
  const buttons = offers(item).map((offer, index) => {
    const key = element("kbd", { "aria-hidden": "true" }, (index + 1).toString());
    const onClick = (): void => {
      respond(item, offer);
    };
    const shown = {
      type: "button",
      class: index === 0 ? "primary" : "secondary",
      onClick,
      "aria-keyshortcuts": (index + 1).toString(),
    };
    return element("button", shown, key, ` ${offer.label}`);
  });
  const group = element("div", { class: "offers", role: "group", "aria-label": "Answers" }, ...buttons);
  return [heading, summary, ...questionDetails(item.details), ...rule(item), group];
}

function rule(item: ApprovalItem): Node[] {
  if (!item.rule) return [];
  return [element("p", { class: "quiet" }, "Remembered as ", element("code", {}, item.rule))];
}

function answered(item: ApprovalItem, choice: string): Node {
  return element("p", { class: "quiet", dir: "auto" }, `${sentence(choice)}: ${revealed(item.summary)}`);
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

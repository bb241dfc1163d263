/** What the user said. */
import type { Attachment } from "meerkat-rpc-client";

import type { PromptItem } from "../../src/sessions/items";
import { element } from "../dom";
import { render } from "../markdown/render";
import { addCodeHeads } from "../markdown/code";
import { itemActions } from "./actions";
import type { ItemView } from "./view";
import { size } from "./words";

/** What stands above a prompt, by where it came from. */
const ORIGINS: Readonly<Record<PromptItem["origin"], string>> = {
  prompt: "You",
  steer: "You, while it ran",
  context: "Context",
  summary: "Summary of what was before",
};

/** Shows a prompt. Context and summaries are folded: the model reads them, people seldom do. */
export function promptView(item: PromptItem): ItemView<PromptItem> {
  const article = element("article", { class: `item prompt ${item.origin}`, "data-item": item.id });
  const update = (next: PromptItem): void => {
    const folded = next.origin === "context" || next.origin === "summary";
    article.replaceChildren(...(folded ? [foldedText(next)] : openText(next)));
  };
  update(item);
  return { element: article, update };
}

function openText(item: PromptItem): Node[] {
  const actions = itemActions({ text: () => item.text, fork: { itemId: item.id, before: true } });
  const head = element("header", {}, element("h2", {}, ORIGINS[item.origin]), actions);
  return [head, body(item), ...chips(item.attachments)];
}

function foldedText(item: PromptItem): Node {
  return element("details", { class: "fold" }, element("summary", {}, ORIGINS[item.origin]), body(item));
}

/** People write Markdown's fences into prompts, and line ends that mean line ends: only what has a fence is rendered. */
function body(item: PromptItem): HTMLElement {
  if (!item.text.includes("```")) return element("div", { class: "plain", dir: "auto" }, item.text);
  const rendered = element("div", { class: "markdown breaks" });
  rendered.append(render(item.text));
  addCodeHeads(rendered);
  return rendered;
}

function chips(attachments: readonly Attachment[]): Node[] {
  if (attachments.length === 0) return [];
  const shown = attachments.map((one) =>
    element("li", { class: "chip", title: one.media_type }, `${one.name} · ${size(one.size)}`),
  );
  return [element("ul", { class: "chips", "aria-label": "Attachments" }, ...shown)];
}

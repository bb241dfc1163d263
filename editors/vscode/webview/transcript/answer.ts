/** What the model said. */
import type { AnswerItem } from "../../src/sessions/items";
import { element } from "../dom";
import { addCodeHeads } from "../markdown/code";
import { StreamedMarkdown } from "../markdown/stream";
import { itemActions } from "./actions";
import type { ItemView } from "./view";

/** Shows an answer, finished or growing. */
export function answerView(item: AnswerItem, speaker: string): ItemView<AnswerItem> {
  let shown = item;
  let text = item.text;
  let markdown = new StreamedMarkdown(addCodeHeads);
  const actions = itemActions({ text: () => text, fork: { itemId: item.id, before: false } });
  const head = element("header", {}, element("h2", {}, speaker), actions);
  const cutShort = element("p", { class: "quiet" }, "Interrupted");
  const article = element("article", { class: "item answer", "data-item": item.id }, head, markdown.element);

  const update = (next: AnswerItem): void => {
    const ended = shown.streaming && !next.streaming;
    if (next.text !== text && next.streaming) {
      const anew = new StreamedMarkdown(addCodeHeads);
      markdown.element.replaceWith(anew.element);
      markdown = anew;
      markdown.append(next.text);
      markdown.draw();
    } else if (ended || next.text !== text) markdown.finish(next.text);
    text = next.text;
    shown = next;
    article.classList.toggle("streaming", next.streaming);
    if (next.partial) article.append(cutShort);
    else cutShort.remove();
  };

  if (item.streaming) markdown.append(item.text);
  else markdown.finish(item.text);
  markdown.draw();
  update(item);
  return {
    element: article,
    update,
    append: (more) => {
      text += more;
      markdown.append(more);
    },
    draw: () => {
      markdown.draw();
    },
    said: (next) => (next.streaming ? "" : next.text),
  };
}

/** A quiet line about what happened. */
import type { NoteItem } from "../../src/sessions/items";
import { element } from "../dom";
import type { ItemView } from "./view";

/** Shows a note. Errors stand out. */
export function noteView(item: NoteItem): ItemView<NoteItem> {
  const line = element("p", { dir: "auto" }, item.text);
  const article = element("article", { class: "item note", "data-item": item.id, "data-tone": item.tone }, line);
  return {
    element: article,
    update: (next) => {
      article.dataset["tone"] = next.tone;
      line.textContent = next.text;
    },
    said: (next) => next.text,
  };
}

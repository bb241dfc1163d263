/** What the model thought: folded, and rendered only when somebody looks. */
import type { ReasoningItem } from "../../src/sessions/items";
import { element } from "../dom";
import type { ItemView } from "./view";
import { duration } from "./words";

/** Shorter than this it isn't worth a number. */
const SHORTEST_MS = 100;

/** Shows a thought. Its text is plain: it is seldom written to be read, and there may be much of it. */
export function reasoningView(item: ReasoningItem): ItemView<ReasoningItem> {
  let text = item.text;
  let drawn = -1;
  const label = element("summary", {});
  const body = element("div", { class: "plain", dir: "auto" });
  const fold = element("details", { class: "fold" }, label, body);
  const draw = (): void => {
    if (!fold.open || drawn === text.length) return;
    if (drawn < 0) body.replaceChildren(text);
    else body.append(text.slice(drawn));
    drawn = text.length;
  };
  fold.addEventListener("toggle", draw);

  const update = (next: ReasoningItem): void => {
    if (next.text !== text) drawn = -1;
    text = next.text;
    label.textContent = title(next);
    fold.classList.toggle("running", next.streaming);
    draw();
  };
  update(item);
  const article = element("article", { class: "item reasoning", "data-item": item.id }, fold);
  return {
    element: article,
    update,
    append: (more) => {
      text += more;
    },
    draw,
  };
}

function title(item: ReasoningItem): string {
  if (item.streaming) return "Thinking …";
  const ms = item.durationMs ?? 0;
  return ms < SHORTEST_MS ? "Thought" : `Thought for ${duration(ms)}`;
}

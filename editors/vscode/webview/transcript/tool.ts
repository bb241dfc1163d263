/** A tool's call: one line, and the rest when it is opened. */
import type { ToolItem } from "../../src/sessions/items";
import { element } from "../dom";
import { valueDetails } from "./details";
import type { ItemView } from "./view";
import { duration, inOneLine } from "./words";

/** What a state looks like and what it is called. */
const STATES: Readonly<Record<ToolItem["state"], readonly [string, string]>> = {
  requested: ["…", "waiting"],
  running: ["…", "running"],
  done: ["✓", "done"],
  failed: ["✗", "failed"],
  timed_out: ["✗", "timed out"],
  interrupted: ["✗", "interrupted"],
};

/** Shows a call. */
export function toolView(item: ToolItem): ItemView<ToolItem> {
  let shown = item;
  const line = element("summary", {});
  const body = element("div", { class: "details" });
  const fold = element("details", { class: "fold" }, line, body);
  const article = element("article", { class: "item tool", "data-item": item.id }, fold);
  const fill = (): void => {
    if (fold.open) body.replaceChildren(...values(shown));
  };
  fold.addEventListener("toggle", fill);

  const update = (next: ToolItem): void => {
    shown = next;
    line.replaceChildren(...lineOf(next));
    article.dataset["state"] = next.state;
    fold.classList.toggle("running", next.state === "running" || next.state === "requested");
    fill();
  };
  update(item);
  return { element: article, update };
}

function lineOf(item: ToolItem): Node[] {
  const [mark, name] = STATES[item.state];
  const time = item.durationMs === undefined ? "" : ` ${duration(item.durationMs)}`;
  const words = item.state === "timed_out" || item.state === "interrupted" ? ` ${name}` : "";
  return [
    element("span", { class: "name" }, item.name),
    element("span", { class: "args", dir: "auto" }, inOneLine(item.args)),
    element("span", { class: "mark", role: "img", "aria-label": name }, mark),
    element("span", { class: "time" }, `${words}${time}`),
  ];
}

function values(item: ToolItem): Node[] {
  const failed = item.state !== "done";
  const result = valueDetails(item.result, failed ? "Error" : "Result");
  const heading = result.length > 0 ? [element("h3", {}, failed ? "Error" : "Result")] : [];
  return [...valueDetails(item.args, "Arguments"), ...heading, ...result];
}

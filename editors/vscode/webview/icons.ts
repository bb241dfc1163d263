/** The few icons of the chat, drawn in the colour of the text around them. */

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Outlines on a grid of 16 by 16. */
const OUTLINES = {
  send: "M8 13V3M3.5 7.5 8 3l4.5 4.5",
  stop: "M4 4h8v8H4z",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  done: "M3 8.5 6.5 12 13 4.5",
  fork: "M4 5.5v5M12 5.5c0 3-8 2-8 5M4 2.5a1.5 1.5 0 1 1 0 3a1.5 1.5 0 0 1 0-3M12 2.5a1.5 1.5 0 1 1 0 3a1.5 1.5 0 0 1 0-3M4 10.5a1.5 1.5 0 1 1 0 3a1.5 1.5 0 0 1 0-3",
  edit: "M3 13l.7-3 7-7 2.3 2.3-7 7zM9.5 4.2l2.3 2.3",
  insert: "M13 3v4.5H4M7 4.5l-3 3 3 3M3 13h10",
  apply: "M9 2.5H3.5v11h9V6zM9 2.5V6h3.5M5.7 10.2l1.5 1.5 3-3",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M8 3v10M3.5 8.5 8 13l4.5-4.5",
  steer: "M3 13v-3c0-2 1-3 3-3h7M9.5 3.5 13 7l-3.5 3.5",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof OUTLINES;

/** Draws an icon. Hidden from screen readers: what it means is said by the button around it. */
export function icon(name: IconName): SVGElement {
  const drawing = document.createElementNS(NAMESPACE, "svg");
  const outline = document.createElementNS(NAMESPACE, "path");
  outline.setAttribute("d", OUTLINES[name]);
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add(`icon-${name}`);
  drawing.append(outline);
  return drawing;
}

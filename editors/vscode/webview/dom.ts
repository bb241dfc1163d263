/** Building elements. */

type Child = Node | string;

/** What an element begins with: attributes by their names, and what happens at a click. */
interface Start {
  readonly class?: string;
  readonly onClick?: (event: MouseEvent) => void;
  readonly [attribute: string]: string | boolean | ((event: MouseEvent) => void) | undefined;
}

/** Makes an element. `true` sets an attribute without a value; `false` and `undefined` leave it out. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  start: Start = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(start)) {
    if (typeof value === "function") made.addEventListener("click", value as EventListener);
    else if (value === true) made.setAttribute(name, "");
    else if (typeof value === "string") made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A button that shows an icon. Its name is what screen readers say and what a hovering mouse shows. */
export function iconButton(icon: SVGElement, name: string, onClick: () => void, className = ""): HTMLButtonElement {
  const title = { title: name, "aria-label": name };
  return element("button", { type: "button", class: `icon ${className}`.trim(), ...title, onClick }, icon);
}

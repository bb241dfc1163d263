/** Files to mention, offered while one types `@`. */
import { tell } from "../channel";
import { element } from "../dom";
import { oncePerFrame } from "../frames";

/** What is being typed before the cursor: `@` at a word's beginning, and a name, perhaps in quotes. */
const MENTION = /(?:^|[\s([{])@("[^"\n]*|[^\s"]*)$/u;

/** The list above the prompt. It has the keyboard only through the prompt's own keys. */
export class Mentions {
  readonly element = element("ul", { class: "mentions", role: "listbox", id: "mentions", "aria-label": "Files" });
  private request = 0;
  private paths: readonly string[] = [];
  private chosen = 0;
  private readonly ask = oncePerFrame(() => {
    this.update();
  });

  constructor(private readonly box: HTMLTextAreaElement) {
    this.element.hidden = true;
    box.addEventListener("input", this.ask);
    box.addEventListener("click", this.ask);
    box.addEventListener("blur", () => {
      this.close();
    });
  }

  /** True while files are offered. */
  get open(): boolean {
    return !this.element.hidden;
  }

  /** The files that were asked for. An answer to an older question is dropped. */
  offer(request: number, paths: readonly string[]): void {
    if (request !== this.request || !this.typed()) return;
    this.paths = paths;
    this.chosen = 0;
    this.draw();
  }

  /** Handles a key if it is one of the list's. */
  key(event: KeyboardEvent): boolean {
    if (!this.open) return false;
    if (event.key === "ArrowDown") this.choose(this.chosen + 1);
    else if (event.key === "ArrowUp") this.choose(this.chosen - 1);
    else if (event.key === "Enter" && this.complete()) return false;
    else if (event.key === "Enter" || event.key === "Tab") this.take(this.chosen);
    else if (event.key === "Escape") this.close();
    else return false;
    return true;
  }

  /** Offers nothing any more. */
  close(): void {
    this.request += 1;
    this.paths = [];
    this.draw();
  }

  private update(): void {
    const typed = this.typed();
    if (!typed) {
      if (this.open) this.close();
      return;
    }
    this.request += 1;
    tell({ type: "find-files", request: this.request, typed: (typed[1] ?? "").replace(/^"/u, "") });
  }

  private typed(): RegExpExecArray | null {
    if (this.box.selectionStart !== this.box.selectionEnd) return null;
    return MENTION.exec(this.box.value.slice(0, this.box.selectionStart));
  }

  /** The chosen path is typed already: Enter means the prompt. */
  private complete(): boolean {
    return this.typed()?.[1]?.replace(/^"/u, "") === this.paths[this.chosen];
  }

  private choose(index: number): void {
    this.chosen = (index + this.paths.length) % this.paths.length;
    this.draw();
  }

  /** Puts the path in place of what was typed, through the browser's own editing, so that it can be undone. */
  private take(index: number): void {
    const path = this.paths[index];
    const typed = this.typed();
    if (path === undefined || !typed) return;
    const start = this.box.selectionStart - (typed[1] ?? "").length;
    const name = path.endsWith("/") ? path : `${/[\s"]/u.test(path) ? `"${path}"` : path} `;
    this.box.setSelectionRange(start, this.box.selectionStart);
    this.insert(name);
    if (!path.endsWith("/")) this.close();
  }

  /** Types the text: the only way that can be undone with Ctrl+Z, and no other has come in its place. */
  private insert(text: string): void {
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    document.execCommand("insertText", false, text);
  }

  private draw(): void {
    this.element.hidden = this.paths.length === 0;
    this.element.replaceChildren(...this.paths.map((path, index) => this.option(path, index)));
    this.element.children[this.chosen]?.scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-expanded", this.open.toString());
    if (this.open) this.box.setAttribute("aria-activedescendant", `mention-${this.chosen.toString()}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  private option(path: string, index: number): HTMLElement {
    const cut = path.lastIndexOf("/", path.length - 2) + 1;
    const folder = element("span", { class: "folder" }, path.slice(0, Math.max(0, cut - 1)));
    const state = { "aria-selected": (index === this.chosen).toString(), id: `mention-${index.toString()}` };
    const row = element("li", { role: "option", ...state }, path.slice(cut), folder);
    row.addEventListener("mousedown", (event) => {
      event.preventDefault();
      this.take(index);
    });
    return row;
  }
}

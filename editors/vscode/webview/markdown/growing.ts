/** One block of Markdown that grows, however long it gets. */
import { element } from "../dom";
import { render } from "./render";

/** A block longer than this grows as plain text until it ends: rendering it anew with each frame would take too long. */
const LONGEST_REDRAWN = 12_000;

/** A block longer than this stays plain text when it ends: nobody reads it, and it would hold the page up. */
const LONGEST_RENDERED = 64_000;

/** Plain text is laid out in pieces of this size, so that only the last one is laid out anew. */
const PIECE = 8_000;

const FENCE = /^ {0,3}(`{3,}|~{3,})/u;
const CLOSING_FENCE = /\n {0,3}(`{3,}|~{3,})\s*$/u;

/** Draws a block as it grows, and once more when it has ended. */
export class GrowingBlock {
  readonly element = element("div", { class: "tail" });
  private drawn = 0;
  private piece: HTMLElement | undefined;

  /** Draws the block. `text` is what it was before, and more. */
  draw(text: string): void {
    if (text.length <= LONGEST_REDRAWN) this.element.replaceChildren(render(text));
    else this.drawOn(text);
    this.drawn = text.length;
  }

  /** The ended block's elements. */
  end(text: string): Node[] {
    if (text.length <= LONGEST_RENDERED) return [...render(text).childNodes];
    this.draw(FENCE.test(text) ? text.replace(CLOSING_FENCE, "\n") : text);
    return [...this.element.childNodes];
  }

  private drawOn(text: string): void {
    if (!this.element.firstChild) {
      this.drawn = LONGEST_REDRAWN;
      this.element.append(render(text.slice(0, this.drawn)));
    }
    const holder = this.element.querySelector(".code pre") ?? this.element;
    while (this.drawn < text.length) this.drawn += this.addTo(holder, text);
  }

  /** Fills the last piece, or begins another one behind a line's or a word's end. Returns how much it took. */
  private addTo(holder: Element, text: string): number {
    const room = PIECE - (this.piece?.textContent.length ?? PIECE);
    if (room <= 0) {
      this.piece = element(holder === this.element ? "p" : "code", { class: "piece", dir: "auto" });
      holder.append(this.piece);
      return 0;
    }
    const rest = text.slice(this.drawn, this.drawn + room);
    const full = this.drawn + room < text.length;
    const end = full ? Math.max(rest.lastIndexOf("\n"), rest.lastIndexOf(" ")) + 1 || room : rest.length;
    this.piece?.append(rest.slice(0, end));
    if (full) this.piece = undefined;
    return end;
  }
}

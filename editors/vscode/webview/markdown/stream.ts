/** Markdown that grows: only its last block is rendered anew. */
import { element } from "../dom";
import { Blocks } from "./blocks";
import { render } from "./render";

/** A block longer than this grows as plain text until it ends: rendering it anew with each frame would take too long. */
const LONGEST_BLOCK = 12_000;

/** Definitions of links may stand behind the blocks that use them. */
const DEFINITION = /^ {0,3}\[[^\]]+\]:\s/mu;

/** Shows a text as it comes. */
export class StreamedMarkdown {
  readonly element = element("div", { class: "markdown" });
  private text = "";
  private drawn = 0;
  private blocks = new Blocks();
  private settled = 0;
  private readonly tail = element("div", { class: "tail" });

  constructor(
    private readonly finishCode: (root: ParentNode) => void,
    text = "",
  ) {
    if (text) this.finish(text);
  }

  /** Takes more text. It is drawn with the next `draw`. */
  append(text: string): void {
    this.text += text;
  }

  /** Draws what came since the last time. */
  draw(): void {
    if (this.drawn === this.text.length) return;
    if (!this.tail.isConnected) this.element.append(this.tail);
    this.blocks.update(this.text);
    if (this.blocks.settled > this.settled) this.settle(this.blocks.settled);
    if (this.text.length - this.settled <= LONGEST_BLOCK) this.tail.replaceChildren(render(this.text.slice(this.settled)));
    else this.drawPlain();
    this.drawn = this.text.length;
  }

  /** Ends the text, or replaces it by another one. */
  finish(text: string): void {
    const whole = text !== this.text || this.settled === 0 || DEFINITION.test(text);
    if (whole) this.element.replaceChildren(render(text));
    else this.tail.replaceWith(render(text.slice(this.settled)));
    this.text = text;
    this.drawn = text.length;
    this.finishCode(this.element);
  }

  private settle(end: number): void {
    const part = element("div", { class: "settled" });
    part.append(render(this.text.slice(this.settled, end)));
    this.finishCode(part);
    this.tail.before(...part.childNodes);
    this.tail.replaceChildren();
    this.settled = end;
  }

  /** The beginning stays as it was rendered; the rest follows in its last paragraph, or in its code. */
  private drawPlain(): void {
    let shown = Math.max(this.drawn, this.settled);
    if (!this.tail.firstChild) {
      shown = this.settled + LONGEST_BLOCK;
      this.tail.append(render(this.text.slice(this.settled, shown)));
    }
    const end = this.tail.querySelector(":scope > :last-child code") ?? this.tail.lastElementChild ?? this.tail;
    end.append(this.text.slice(shown));
  }
}

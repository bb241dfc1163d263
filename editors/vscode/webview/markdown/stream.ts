/** Markdown that grows: only its last block is drawn anew. */
import { element } from "../dom";
import { Blocks } from "./blocks";
import { GrowingBlock } from "./growing";
import { render } from "./render";

/** Definitions of links may stand behind the blocks that use them. */
const DEFINITION = /^ {0,3}\[[^\]]+\]:\s/mu;

/** Texts with definitions are rendered in one go at their end, unless that took too long. */
const LONGEST_WHOLE = 64_000;

/** Short blocks are rendered together up to this size: each rendering has its price. */
const LONGEST_TOGETHER = 8_000;

/** Shows a text as it comes. */
export class StreamedMarkdown {
  readonly element = element("div", { class: "markdown" });
  private text = "";
  private drawn = 0;
  private settled = 0;
  private blocks = new Blocks();
  private tail = new GrowingBlock();

  /** `finishCode` is called with what holds finished blocks of code. */
  constructor(private readonly finishCode: (root: ParentNode) => void) {}

  /** Takes more text. It is drawn with the next `draw`. */
  append(text: string): void {
    this.text += text;
  }

  /** Draws what came since the last time. */
  draw(): void {
    if (this.drawn === this.text.length) return;
    this.settle();
    if (!this.tail.element.isConnected) this.element.append(this.tail.element);
    this.tail.draw(this.text.slice(this.settled));
    this.drawn = this.text.length;
  }

  /** Ends the text, or replaces it by another one. */
  finish(text: string): void {
    const whole = text.length <= LONGEST_WHOLE && (this.settled === 0 || DEFINITION.test(text));
    if (whole) this.element.replaceChildren(render(text));
    else this.finishParts(text);
    this.text = text;
    this.drawn = text.length;
    this.finishCode(this.element);
  }

  private finishParts(text: string): void {
    if (text !== this.text) {
      this.element.replaceChildren();
      [this.settled, this.blocks, this.tail] = [0, new Blocks(), new GrowingBlock()];
    }
    this.text = text;
    this.settle();
    const last = this.tail.end(text.slice(this.settled));
    this.tail.element.remove();
    this.element.append(...last);
  }

  private settle(): void {
    const ends = this.blocks.ends(this.text);
    ends.forEach((end, index) => {
      const together = (ends[index + 1] ?? Infinity) - this.settled <= LONGEST_TOGETHER;
      if (!together) this.settleTo(end);
    });
  }

  private settleTo(end: number): void {
    const part = element("div");
    part.append(...this.tail.end(this.text.slice(this.settled, end)));
    this.finishCode(part);
    this.tail.element.remove();
    this.element.append(...part.childNodes);
    this.tail = new GrowingBlock();
    this.settled = end;
  }
}

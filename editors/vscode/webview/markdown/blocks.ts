/** Where a growing Markdown text can be cut: behind blocks that nothing which follows can change any more. */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/u;
const LIST_ITEM = /^ {0,3}([-+*]|\d{1,9}[.)])(\s|$)/u;

/**
 * Reads a text line by line, each line once, and tells how much of it is settled.
 *
 * A block is settled when an empty line follows and then one that begins another block: no continuation of a list, none inside
 * of a fence.
 */
export class Blocks {
  /** Everything before this place is settled. */
  settled = 0;
  private read = 0;
  private fence = "";
  private empty = false;
  private list = false;

  /** Reads on. `text` is what it was before, and more. */
  update(text: string): void {
    for (let end = text.indexOf("\n", this.read); end >= 0; end = text.indexOf("\n", this.read)) {
      this.line(text.slice(this.read, end));
      this.read = end + 1;
    }
  }

  private line(line: string): void {
    const mark = FENCE.exec(line);
    if (this.fence) {
      if (mark && closes(mark, this.fence)) this.fence = "";
      return;
    }
    if (line.trim() === "") {
      this.empty = true;
      return;
    }
    if (this.empty && this.begins(line)) this.settled = this.read;
    this.list = LIST_ITEM.test(line) || (this.list && !this.isSettledHere());
    this.fence = mark?.[1] ?? "";
    this.empty = false;
  }

  private begins(line: string): boolean {
    return !/^\s/u.test(line) && !(this.list && LIST_ITEM.test(line));
  }

  private isSettledHere(): boolean {
    return this.settled === this.read;
  }
}

function closes(mark: RegExpExecArray, fence: string): boolean {
  const [, marks = "", rest = ""] = mark;
  return marks.startsWith(fence) && rest.trim() === "";
}

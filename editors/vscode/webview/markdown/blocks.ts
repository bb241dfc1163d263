/** Where a growing Markdown text can be cut: behind blocks that nothing which follows can change any more. */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/u;
const LIST_ITEM = /^ {0,3}([-+*]|\d{1,9}[.)])(\s|$)/u;

/**
 * Reads a text line by line, each line once, and tells where settled blocks end.
 *
 * A block is settled when an empty line follows and then one that begins another block: no continuation of a list, none inside
 * of a fence.
 */
export class Blocks {
  private read = 0;
  private fence = "";
  private empty = false;
  private list = false;

  /** Reads on, and returns the ends of the blocks that are settled now. `text` is what it was before, and more. */
  ends(text: string): number[] {
    const ends: number[] = [];
    for (let end = text.indexOf("\n", this.read); end >= 0; end = text.indexOf("\n", this.read)) {
      if (this.settles(text.slice(this.read, end))) ends.push(this.read);
      this.read = end + 1;
    }
    return ends;
  }

  /** Takes a line; true if a block ended before it. */
  private settles(line: string): boolean {
    const mark = FENCE.exec(line);
    if (this.fence) {
      if (mark && closes(mark, this.fence)) this.fence = "";
      return false;
    }
    const blank = line.trim() === "";
    const settled = this.empty && !blank && this.begins(line);
    this.empty = blank;
    if (blank) return false;
    this.list = LIST_ITEM.test(line) || (this.list && !settled);
    this.fence = mark?.[1] ?? "";
    return settled;
  }

  private begins(line: string): boolean {
    return !/^\s/u.test(line) && !(this.list && LIST_ITEM.test(line));
  }
}

function closes(mark: RegExpExecArray, fence: string): boolean {
  const [, marks = "", rest = ""] = mark;
  return marks.startsWith(fence) && rest.trim() === "";
}

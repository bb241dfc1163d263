/** How often and how soon a server that crashed is started again. */

/** The first wait, which doubles with each crash in a row, and what it grows to. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;

/** After so many crashes in a row something is wrong that no further attempt mends. */
const MOST_CRASHES = 5;

/** A server that lived so long has shown that it works: the next crash is the first again. */
const GOOD_LIFE_MS = 60_000;

/** Counts crashes in a row. */
export class CrashCount {
  private crashes = 0;

  /** Take note of a crash of a server that lived so long. The wait before the next start; `undefined`: no more of them. */
  crashed(livedMs: number): number | undefined {
    this.crashes = livedMs >= GOOD_LIFE_MS ? 1 : this.crashes + 1;
    if (this.crashes >= MOST_CRASHES) {
      return undefined;
    }
    return Math.min(FIRST_DELAY_MS * 2 ** (this.crashes - 1), LONGEST_DELAY_MS);
  }

  /** Which attempt the next start is, from 1. */
  get attempt(): number {
    return this.crashes;
  }

  /** Somebody mended something, perhaps: count from the beginning. */
  reset(): void {
    this.crashes = 0;
  }
}

/** Earlier prompts, gone through with the arrow keys as in a shell. */

/** A walk through earlier prompts. What was being typed is at its end. */
export class RecentPrompts {
  private prompts: readonly string[] = [];
  private place = 0;
  private typed = "";

  /** Other prompts are known now, the newest last. The walk is over. */
  set(prompts: readonly string[]): void {
    this.prompts = prompts;
    this.reset();
  }

  /** The next walk begins at the newest. */
  reset(): void {
    this.place = this.prompts.length;
  }

  /** The prompt before the one that is shown, or undefined at the oldest. `shown` is what the box holds. */
  older(shown: string): string | undefined {
    if (this.place === this.prompts.length) this.typed = shown;
    if (this.place === 0) return undefined;
    this.place -= 1;
    return this.prompts[this.place];
  }

  /** The prompt after the one that is shown; behind the newest, what was being typed. Undefined where no walk goes on. */
  newer(): string | undefined {
    if (this.place >= this.prompts.length) return undefined;
    this.place += 1;
    return this.prompts[this.place] ?? this.typed;
  }
}

/** What is kept over restarts of the editor: drafts, earlier prompts, and which session was shown. */
import type { Memento } from "vscode";

/** As many drafts as somebody may have left behind in a folder; older ones are forgotten. */
const MOST_DRAFTS = 50;

/** Earlier prompts to be had with the up key. */
const MOST_PROMPTS = 200;

/** Longer prompts are pastes: nobody scrolls back to them, and they would weigh on every start. */
const LONGEST_PROMPT_CHARS = 20_000;

const DRAFTS = "drafts";
const PROMPTS = "prompts";
const CURRENT = "currentSession";

/** A session and whether it is in the store. */
export interface Shown {
  readonly id: string;
  readonly exists: boolean;
}

type Drafts = readonly (readonly [sessionId: string, text: string])[];

/** The memory of one workspace. */
export class Memory {
  constructor(private readonly state: Memento) {}

  draft(sessionId: string): string {
    return new Map(this.drafts).get(sessionId) ?? "";
  }

  keepDraft(sessionId: string, text: string): void {
    const others = this.drafts.filter(([id]) => id !== sessionId);
    const drafts: Drafts = text === "" ? others : [...others, [sessionId, text]];
    this.keep(DRAFTS, drafts.slice(-MOST_DRAFTS));
  }

  /** The oldest first. */
  get prompts(): readonly string[] {
    return this.state.get<readonly string[]>(PROMPTS, []);
  }

  /** The same prompt twice is kept once, where it was last. */
  addPrompt(prompt: string): void {
    if (prompt.length <= LONGEST_PROMPT_CHARS) {
      const others = this.prompts.filter((other) => other !== prompt);
      this.keep(PROMPTS, [...others, prompt].slice(-MOST_PROMPTS));
    }
  }

  /** The session that was shown last; one that doesn't exist may have a draft. */
  get current(): Shown | undefined {
    return this.state.get<Shown>(CURRENT);
  }

  keepCurrent(shown: Shown): void {
    this.keep(CURRENT, shown);
  }

  private get drafts(): Drafts {
    return this.state.get<Drafts>(DRAFTS, []);
  }

  /** The editor writes it to disk in its own time; nothing here waits for that. */
  private keep(key: string, value: unknown): void {
    void this.state.update(key, value);
  }
}

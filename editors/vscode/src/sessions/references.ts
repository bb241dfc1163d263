/** Parts of documents that go with the next prompt. */
import { newId } from "meerkat-rpc-client";

import type { Reference } from "./items";

interface Held extends Reference {
  readonly text: string;
}

/** The references of one draft. */
export class References {
  private held: readonly Held[] = [];

  /** As the view shows them. */
  get shown(): readonly Reference[] {
    return this.held.map(({ id, label }) => ({ id, label }));
  }

  /** The same place twice is there once, as it is now. */
  add({ label, text }: { readonly label: string; readonly text: string }): void {
    this.held = [...this.held.filter((other) => other.label !== label), { id: newId(), label, text }];
  }

  remove(id: string): void {
    this.held = this.held.filter((reference) => reference.id !== id);
  }

  clear(): void {
    this.held = [];
  }

  /** The prompt with the references behind it. */
  appendTo(prompt: string): string {
    return [prompt, ...this.held.map(({ label, text }) => `${label}\n${text}`)].filter(Boolean).join("\n\n");
  }
}

/** A text as a fenced block: the fence is longer than any in the text. */
export function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,}/gu)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/u, "")}\n${fence}`;
}

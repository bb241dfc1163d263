/** The text of a turn out of its events, as it comes, whether its deltas were folded or not. */
import type { DeltasFolded, SessionEventParams } from "./contract.js";

interface Piece {
  readonly seq: number;
  readonly length: number;
}

/**
 * Tells what each event of a turn adds to the text of one kind. Give it the events in order.
 *
 * A reader may have had some deltas before they were folded into one event; that one then adds only the rest.
 */
export class TurnText {
  private pieces: Piece[] = [];
  private incomplete = false;

  constructor(private readonly kind: "text" | "reasoning" = "text") {}

  /** What this event adds; empty for most. */
  added({ seq, event }: SessionEventParams): string {
    switch (event.type) {
      case "text_delta":
      case "reasoning_delta":
        return event.type === `${this.kind}_delta` ? this.piece(seq, event.delta) : "";
      case "deltas_folded":
        return event.kind === this.kind ? this.folded(seq, event) : "";
      case "text_complete":
      case "reasoning_complete":
        return event.type === `${this.kind}_complete` ? this.completed(event.content) : "";
      default:
        return "";
    }
  }

  private piece(seq: number, text: string): string {
    this.pieces.push({ seq, length: text.length });
    return text;
  }

  private folded(seq: number, event: DeltasFolded): string {
    if (event.content === null) {
      this.incomplete = true;
      return "";
    }
    return this.piece(seq, event.content.slice(this.had(event.from_seq)));
  }

  private completed(content: string): string {
    const rest = this.incomplete ? content.slice(this.had(0)) : "";
    this.pieces = [];
    this.incomplete = false;
    return rest;
  }

  private had(fromSeq: number): number {
    return this.pieces.reduce((sum, piece) => (piece.seq >= fromSeq ? sum + piece.length : sum), 0);
  }
}

/** Messages out of a stream of bytes. */

const HEADER_END = "\r\n\r\n";

/** A header section that is longer than this isn't one: something else was written to the pipe. */
const LONGEST_HEADER_BYTES = 4_096;

/** Cuts bytes, in whatever pieces they come, into the bodies of messages with `Content-Length`. */
export class Frames {
  private pieces: Buffer[] = [];
  private size = 0;
  /** So many bytes have to be there before it is worth looking again: large messages come in thousands of pieces. */
  private needed = 0;

  /** Take a piece; give the bodies that are complete. Throws when what comes is no message. */
  push(piece: Buffer): Buffer[] {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size < this.needed) {
      return [];
    }
    const bodies: Buffer[] = [];
    const bytes = this.pieces.length === 1 ? piece : Buffer.concat(this.pieces);
    const rest = bytes.subarray(this.cut(bytes, bodies));
    this.pieces = rest.length > 0 ? [rest] : [];
    this.size = rest.length;
    return bodies;
  }

  /** Cut off whole messages; return where the rest begins. */
  private cut(bytes: Buffer, bodies: Buffer[]): number {
    let start = 0;
    for (;;) {
      const headerEnd = bytes.indexOf(HEADER_END, start, "latin1");
      if (headerEnd < 0) {
        this.needed = 0;
        assertHeader(bytes.length - start <= LONGEST_HEADER_BYTES);
        return start;
      }
      const body = headerEnd + HEADER_END.length;
      const end = body + lengthIn(bytes.toString("latin1", start, headerEnd));
      if (end > bytes.length) {
        this.needed = end - start;
        return start;
      }
      bodies.push(bytes.subarray(body, end));
      start = end;
    }
  }
}

function lengthIn(header: string): number {
  const length = /^content-length: *(\d+)$/imu.exec(header)?.[1];
  assertHeader(length !== undefined);
  return Number(length);
}

function assertHeader(holds: boolean): asserts holds {
  if (!holds) {
    throw new Error("what came is no message: it has no Content-Length header");
  }
}

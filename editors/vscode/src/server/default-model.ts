/** The model that answers where a session names none. */
import type { Client } from "meerkat-rpc-client";

/** Asks each server once. The answer may take a moment: the server looks at every provider for it. */
export class DefaultModel {
  name: string | null = null;

  constructor(client: Client, known: (name: string | null) => void) {
    client.onDidChangeStatus(async ({ kind }) => {
      if (kind !== "ready") {
        return;
      }
      try {
        this.name = (await client.request("models/catalog", {})).default_model;
        known(this.name);
      } catch {
        // Nobody needs it to ask something.
      }
    });
  }
}

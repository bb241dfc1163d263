// Puts the server's types where the client's sources find them. They are generated, so the copy isn't committed: a change of
// the contract shows in the next build.
import { copyFileSync } from "node:fs";

const schema = new URL("../../../schema/meerkat-rpc.ts", import.meta.url);
copyFileSync(schema, new URL("../client/src/contract.ts", import.meta.url));

// Brings in what is kept outside of this folder: the server's types, which are generated, and the licences. The copies aren't
// committed, so that a change of the contract shows in the next build.
import { copyFileSync } from "node:fs";

const top = new URL("../../../", import.meta.url);
const here = new URL("../", import.meta.url);

copyFileSync(new URL("schema/meerkat-rpc.ts", top), new URL("client/src/contract.ts", here));
for (const folder of ["", "client/"]) {
  for (const name of ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"]) {
    copyFileSync(new URL(name, top), new URL(folder + name, here));
  }
}

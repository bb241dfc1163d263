// Brings in what is kept outside of this folder: the server's types, which are generated, and the licences. The copies aren't
// committed, so that a change of the contract shows in the next build.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const top = new URL("../../../", import.meta.url);
const here = new URL("../", import.meta.url);

/** Nothing is written that is there already: somebody else may be reading it. */
function copy(from, to) {
  const [source, target] = [new URL(from, top), new URL(to, here)];
  const content = readFileSync(source);
  if (!existsSync(target) || !readFileSync(target).equals(content)) {
    writeFileSync(target, content);
  }
}

copy("schema/meerkat-rpc.ts", "client/src/contract.ts");
for (const folder of ["", "client/"]) {
  for (const name of ["LICENSE", "LICENSE-MIT", "LICENSE-APACHE"]) {
    copy(name, folder + name);
  }
}

// Runs the suites with node's own runner: the client's against the package as it is published, and those of the extension's
// parts that need no editor. `meerkat-rpc` has to be on PATH. Arguments: suites, all of them by default.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";

import { build } from "esbuild";

const FOLDERS = ["client/test", "test"];

const all = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
const wanted = process.argv.slice(2);
const suites = wanted.length > 0 ? wanted : all.filter((path) => path.endsWith(".test.ts"));

await build({
  entryPoints: suites,
  outdir: "out",
  outbase: ".",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node18",
  sourcemap: "inline",
  external: ["meerkat-rpc-client"],
  tsconfigRaw: {}, // the `paths` of tsconfig.json would take the client's sources, and the tests are to have what others get
  logLevel: "warning",
});

const outputs = suites.map((path) => `out/${path.replace(/\.ts$/, ".mjs")}`);
const run = spawnSync(process.execPath, ["--test", "--enable-source-maps", ...outputs], { stdio: "inherit" });
process.exitCode = run.status ?? 1;

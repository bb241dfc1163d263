// Bundles the extension and its webview into dist/. `--production` leaves the source maps out, `--watch` goes on.
import { context } from "esbuild";

const production = process.argv.includes("--production");

const shared = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : "linked",
  logLevel: "warning",
};

const host = {
  ...shared,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
};

const webview = {
  ...shared,
  entryPoints: { webview: "webview/main.ts" },
  outdir: "dist",
  platform: "browser",
  format: "iife",
  target: "chrome122",
};

const builds = await Promise.all([context(host), context(webview)]);
if (process.argv.includes("--watch")) {
  await Promise.all(builds.map((build) => build.watch()));
} else {
  try {
    await Promise.all(builds.map((build) => build.rebuild()));
  } finally {
    await Promise.all(builds.map((build) => build.dispose()));
  }
}

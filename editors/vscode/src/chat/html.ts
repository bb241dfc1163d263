/** The webview's page. */
import { randomBytes } from "node:crypto";

import { Uri, type Webview } from "vscode";

const NONCE_BYTES = 18;

/** The page that loads the bundle of `webview/`. Nothing but that script and that style sheet may be loaded, from anywhere. */
export function page(webview: Webview, extension: Uri): string {
  const nonce = randomBytes(NONCE_BYTES).toString("base64");
  const [script, style] = ["webview.js", "webview.css"].map((name) =>
    webview.asWebviewUri(Uri.joinPath(extension, "dist", name)).toString(),
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(webview, nonce)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Meerkat</title>
</head>
<body><script nonce="${nonce}" src="${script}"></script></body>
</html>`;
}

/** Answers come from a model that may repeat what a stranger wrote: no request leaves the page, no inline script or style runs. */
function policy(webview: Webview, nonce: string): string {
  return [
    "default-src 'none'",
    `style-src ${webview.cspSource}`,
    `script-src 'nonce-${nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

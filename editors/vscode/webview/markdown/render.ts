/** Markdown to elements. What a model says is never trusted: no HTML of its own, no images, no links but to the web and to files. */
import DOMPurify from "dompurify";
import MarkdownIt, { type Options, type Token } from "markdown-it";

import { coloured } from "./languages";

const parser = new MarkdownIt({ html: false, linkify: true, typographer: false, highlight: coloured });

/** Elements whose writing direction is that of what they say. */
const DIRECTED = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "th", "td"]);

/** `word.md` and the like are files far oftener than hosts. */
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

/** A path without a scheme is a file of the workspace; everything else is named here. */
parser.validateLink = (href) => /^(https?:|mailto:)/iu.test(href) || !/^\s*[a-z][a-z0-9+.-]*:/iu.test(decoded(href));

parser.core.ruler.push("direction", (state) => {
  for (const token of state.tokens) if (token.nesting === 1 && DIRECTED.has(token.tag)) prepare(token);
});

parser.renderer.rules.image = (tokens, index) => {
  const image = tokens[index]!;
  const source = image.attrGet("src") ?? "";
  const label = parser.utils.escapeHtml(image.content || source);
  return `<a class="image" href="${parser.utils.escapeHtml(source)}">${label}</a>`;
};

parser.renderer.rules.fence = (tokens, index, options) => codeBlock(tokens[index]!, options);
parser.renderer.rules.code_block = (tokens, index, options) => codeBlock(tokens[index]!, options);

/** Renders Markdown. The fragment isn't connected to anything yet. */
export function render(text: string): DocumentFragment {
  return DOMPurify.sanitize(parser.render(text), {
    RETURN_DOM_FRAGMENT: true,
    FORBID_ATTR: ["style"],
    FORBID_TAGS: ["img", "style", "form", "input", "button", "textarea", "select"],
    ALLOW_DATA_ATTR: true,
  });
}

function prepare(token: Token): void {
  token.attrSet("dir", "auto");
  const align = /text-align:(\w+)/u.exec(token.attrGet("style") ?? "")?.[1];
  if (!align) return;
  token.attrs = (token.attrs ?? []).filter(([name]) => name !== "style");
  token.attrJoin("class", `align-${align}`);
}

function codeBlock(token: Token, options: Options): string {
  const language = token.info.trim().split(/\s+/u)[0] ?? "";
  const colours = options.highlight?.(token.content, language.toLowerCase(), "") ?? "";
  const code = colours === "" ? parser.utils.escapeHtml(token.content) : colours;
  const name = parser.utils.escapeHtml(language);
  return `<div class="code" data-language="${name}" dir="ltr"><pre tabindex="0"><code>${code}</code></pre></div>\n`;
}

function decoded(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}

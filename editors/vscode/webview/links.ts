/** Links go to the extension, which knows the workspace and asks before it opens anything outside. */
import { tell } from "./channel";

/** Takes every click on a link below `root`, before VS Code's own handler does. */
export function listenForLinks(root: HTMLElement): void {
  const open = (event: MouseEvent): void => {
    const link = (event.target as Element).closest("a");
    if (!link) return;
    event.preventDefault();
    event.stopPropagation();
    const href = link.getAttribute("href");
    if (href) tell({ type: "link", href });
  };
  root.addEventListener("click", open);
  root.addEventListener("auxclick", open);
}

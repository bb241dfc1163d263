/** What is wrong, said where one asks, with what can be done about it. */
import type { ConnectionState } from "../src/sessions/interface";
import type { Problem, SessionState } from "../src/sessions/items";
import { tell } from "./channel";
import { element } from "./dom";

/** The notices above the prompt: the server's and the session's. */
export class Notices {
  readonly element = element("div", { class: "notices", role: "status" });
  private connection: ConnectionState = { kind: "stopped", problem: null };
  private problem: Problem | null = null;
  private shown = "";

  /** The server is in another state. */
  setConnection(connection: ConnectionState): void {
    this.connection = connection;
    this.draw();
  }

  /** The session is in another state. */
  setSession(state: SessionState): void {
    this.problem = state.problem;
    this.draw();
  }

  private draw(): void {
    const { kind, problem } = this.connection;
    const server = problem ?? (kind === "restarting" ? RESTARTING : null);
    const tone = kind === "offline" ? "error" : "warning";
    const all: [Problem, string][] = server ? [[server, tone]] : [];
    if (this.problem && this.problem.message !== server?.message) all.push([this.problem, "error"]);
    const key = JSON.stringify(all);
    if (key === this.shown) return;
    this.shown = key;
    this.element.replaceChildren(...all.map(([shown, severity]) => notice(shown, severity)));
  }
}

const RESTARTING: Problem = { message: "The server is being started again …", actions: [] };

function notice(problem: Problem, tone: string): HTMLElement {
  const buttons = problem.actions.map((action) => {
    const onClick = (): void => {
      tell({ type: "run", command: action.command });
    };
    return element("button", { type: "button", class: "secondary", onClick }, action.label);
  });
  const message = element("p", { dir: "auto" }, problem.message);
  return element(
    "div",
    { class: "notice", "data-tone": tone },
    message,
    ...(buttons.length ? [element("div", { class: "offers" }, ...buttons)] : []),
  );
}

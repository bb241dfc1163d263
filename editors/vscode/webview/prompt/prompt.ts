/** The box in which one asks, with its keys and buttons. */
import type { SendMode } from "../../src/chat/messages";
import type { SessionState } from "../../src/sessions/items";
import { tell } from "../channel";
import { element, iconButton } from "../dom";
import { icon } from "../icons";
import { Mentions } from "./mentions";
import { RecentPrompts } from "./recent";
import { Footer } from "./footer";

/** How long typing may rest before the extension keeps what was typed. */
const DRAFT_MS = 300;

/** The prompt's part of the page. */
export class Prompt {
  readonly element: HTMLElement;
  readonly box: HTMLTextAreaElement;
  readonly mentions: Mentions;
  readonly recent = new RecentPrompts();
  /** A turn runs: Esc stops it, and what is sent waits for its end. */
  busy = false;
  private readonly footer = new Footer();
  private readonly buttons = element("div", { class: "buttons" });
  private requests = 0;
  private saving: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly sent: () => void) {
    const combobox = {
      role: "combobox",
      "aria-controls": "mentions",
      "aria-expanded": "false",
      "aria-autocomplete": "list",
    };
    this.box = element("textarea", { rows: "1", dir: "auto", "aria-label": "Prompt", ...combobox });
    this.mentions = new Mentions(this.box);
    const frame = element("div", { class: "frame" }, this.box, this.buttons);
    this.element = element(
      "form",
      { class: "prompt-box" },
      this.mentions.element,
      this.footer.chips,
      frame,
      this.footer.line,
    );
    this.box.addEventListener("input", () => {
      this.typed();
    });
    this.box.addEventListener("keydown", (event) => {
      if (this.key(event)) event.preventDefault();
    });
  }

  /** What is typed. */
  get text(): string {
    return this.box.value;
  }

  /** Another session, or another state of it. */
  update(state: SessionState): void {
    this.busy = state.busy;
    this.box.readOnly = state.archived;
    this.box.placeholder = placeholder(state);
    this.footer.update(state);
    this.drawButtons(state);
  }

  /** Puts a text in place of what is typed; the cursor goes to its end. */
  replace(text: string): void {
    clearTimeout(this.saving);
    this.box.value = text;
    this.box.setSelectionRange(text.length, text.length);
    this.recent.reset();
    this.grow();
  }

  /** The extension's answer to a prompt. A refused one comes back, before what was typed since. */
  answered(accepted: boolean, text: string): void {
    if (accepted) return;
    this.replace([text, this.box.value].filter(Boolean).join("\n"));
    this.save();
  }

  /** What was sent with each request, until it is answered. */
  readonly pending = new Map<number, string>();

  /** Sends what is typed. */
  send(mode: SendMode): void {
    const text = this.box.value;
    if (!text.trim() || this.box.readOnly) return;
    this.requests += 1;
    this.pending.set(this.requests, text);
    this.mentions.close();
    this.replace("");
    tell({ type: "send", request: this.requests, text, mode });
    this.sent();
  }

  /** Tells the extension what is typed, now. */
  save(): void {
    clearTimeout(this.saving);
    tell({ type: "draft", text: this.box.value });
  }

  private typed(): void {
    this.recent.reset();
    this.grow();
    clearTimeout(this.saving);
    this.saving = setTimeout(() => {
      this.save();
    }, DRAFT_MS);
  }

  private key(event: KeyboardEvent): boolean {
    if (event.isComposing) return false;
    if (this.mentions.key(event)) {
      event.stopPropagation();
      return true;
    }
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      this.send(event.ctrlKey || event.metaKey ? "steer" : "send");
      return true;
    }
    return this.walk(event);
  }

  /** Up in the first line and down in the last one go through earlier prompts. */
  private walk(event: KeyboardEvent): boolean {
    if (event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return false;
    const { value, selectionStart, selectionEnd } = this.box;
    let shown: string | undefined;
    if (event.key === "ArrowUp" && !value.slice(0, selectionStart).includes("\n")) shown = this.recent.older(value);
    else if (event.key === "ArrowDown" && !value.slice(selectionEnd).includes("\n")) shown = this.recent.newer();
    if (shown === undefined) return false;
    this.box.value = shown;
    const place = event.key === "ArrowUp" ? 0 : shown.length;
    this.box.setSelectionRange(place, place);
    this.grow();
    this.save();
    return true;
  }

  private grow(): void {
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight.toString()}px`;
  }

  private drawButtons(state: SessionState): void {
    const send = (mode: SendMode) => (): void => {
      this.send(mode);
    };
    const shown = state.busy
      ? [
          iconButton(icon("steer"), "Add to the running turn (Ctrl+Enter)", send("steer")),
          iconButton(icon("send"), "Ask when this turn has ended (Enter)", send("send")),
          iconButton(
            icon("stop"),
            "Stop (Esc)",
            () => {
              tell({ type: "stop" });
            },
            "stop",
          ),
        ]
      : [iconButton(icon("send"), "Send (Enter)", send("send"), "send")];
    const key = state.busy ? "busy" : "idle";
    if (this.buttons.dataset["shown"] === key) return;
    this.buttons.dataset["shown"] = key;
    this.buttons.replaceChildren(...shown);
  }
}

function placeholder(state: SessionState): string {
  if (state.archived) return "This session is archived: take it back to go on";
  if (state.busy) return "Ask what comes next";
  return state.exists ? "Ask on, @ for a file" : "Ask anything, @ for a file";
}

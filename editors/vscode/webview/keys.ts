/** The keys that work everywhere in the chat, and whether it has the focus. */
import { tell } from "./channel";
import type { Prompt } from "./prompt/prompt";
import { offers, respond } from "./transcript/approval";
import type { Transcript } from "./transcript/transcript";

/** Whoever types into the prompt means no answer by a digit so soon after another key. */
const TYPING_MS = 1000;

/** Esc stops, digits answer the oldest question that waits. */
export function listenForKeys(transcript: Transcript, prompt: Prompt): void {
  let lastTyped = -Infinity;
  const digit = (event: KeyboardEvent): void => {
    const inPrompt = event.target === prompt.box;
    const typing = inPrompt && (prompt.text !== "" || performance.now() - lastTyped < TYPING_MS);
    if (!typing && answer(event.key, transcript)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (inPrompt) lastTyped = performance.now();
  };
  const pressed = (event: KeyboardEvent): void => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "Escape") digit(event);
    else if (prompt.busy && !prompt.mentions.open) tell({ type: "stop" });
  };
  document.addEventListener("keydown", pressed, { capture: true });
  listenForFocus(prompt);
}

function listenForFocus(prompt: Prompt): void {
  window.addEventListener("focus", () => {
    tell({ type: "focused", focused: true });
  });
  window.addEventListener("blur", () => {
    prompt.save();
    tell({ type: "focused", focused: false });
  });
}

function answer(key: string, transcript: Transcript): boolean {
  const [question] = transcript.questions;
  const offer = question && offers(question)[Number(key) - 1];
  if (!question || !offer) return false;
  respond(question, offer);
  return true;
}

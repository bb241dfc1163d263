/** Choosing the model that answers. */
import type { Model } from "meerkat-rpc-client";
import type { QuickPickItem } from "vscode";
import { env, QuickPickItemKind, window } from "vscode";

import type { SessionModel } from "../sessions/session-model";
import type { Parts } from "./context";
import { tryTo } from "./context";

const COPY = "Copy";

interface ModelPick extends QuickPickItem {
  readonly model?: Model;
}

/** Ask for a model and have it answer from the next turn on. One that can't be used says what it needs. */
export async function chooseModel(parts: Parts, session: SessionModel): Promise<void> {
  await tryTo(async () => {
    await parts.server.revive();
    const { models } = await parts.server.client.request("models/catalog", {});
    const title = "Model of This Session";
    const pick = await window.showQuickPick(picks(models, session.state.answeredBy), { title, matchOnDetail: true });
    if (pick?.model?.available === true) {
      await session.useModel(pick.model.id);
    } else if (pick?.model !== undefined) {
      await sayWhatIsMissing(pick.model);
    }
  });
}

function picks(models: readonly Model[], current: string | null): ModelPick[] {
  const separator = { label: "Not set up yet", kind: QuickPickItemKind.Separator };
  const pick = (model: Model): ModelPick => pickOf(model, model.id === current);
  const usable = models.filter(({ available }) => available).map(pick);
  const others = models.filter(({ available }) => !available).map(pick);
  return others.length === 0 ? usable : [...usable, separator, ...others];
}

function pickOf(model: Model, isCurrent: boolean): ModelPick {
  const marks = [isCurrent ? "answers now" : "", model.is_default ? "default" : ""].filter(Boolean);
  return {
    label: `$(${model.available ? "circle-filled" : "circle-slash"}) ${model.id}`,
    description: marks.join(", "),
    detail: model.available ? model.description : `${model.description} Needs: ${model.missing ?? "unknown"}`,
    model,
  };
}

async function sayWhatIsMissing({ id, missing = "nobody knows what" }: Model): Promise<void> {
  const message = `${id} can't be used yet. It needs: ${missing}`;
  if ((await window.showInformationMessage(message, COPY)) === COPY) {
    await env.clipboard.writeText(missing);
  }
}

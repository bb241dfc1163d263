/** Tools of the host's that the models may call. */
import type { Disposable } from "vscode-jsonrpc/node";

import type { Client } from "./client.js";
import type { JsonValue, ToolExecuteParams, ToolOffer } from "./contract.js";
import { messageOf } from "./errors.js";

/** A tool and what it does. Throwing tells the model what went wrong; the signal is aborted when the turn is stopped. */
export interface LentTool extends ToolOffer {
  readonly execute: (args: JsonValue, call: ToolExecuteParams, signal: AbortSignal) => Promise<JsonValue>;
}

/** Lend these tools to every session of the client's server, over restarts too. Disposing takes nothing back that runs. */
export async function lendTools(client: Client, tools: readonly LentTool[]): Promise<Disposable> {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const answering = client.onRequest("tool/execute", async (call, signal) => {
    const tool = byName.get(call.name);
    if (tool === undefined) {
      return { result: `there is no tool ${call.name} here`, is_error: true };
    }
    try {
      return { result: await tool.execute(call.args, call, signal) };
    } catch (error) {
      return { result: messageOf(error), is_error: true };
    }
  });
  const offers = tools.map(offerOf);
  const preparing = await client.prepare(async (request) => {
    await request("tools/register", { tools: offers });
  });
  return {
    dispose: () => {
      preparing.dispose();
      answering.dispose();
    },
  };
}

function offerOf(tool: LentTool): ToolOffer {
  const { name, description, input_schema, requires_approval = false, timeout_ms = null } = tool;
  return { name, description, input_schema, requires_approval, timeout_ms };
}

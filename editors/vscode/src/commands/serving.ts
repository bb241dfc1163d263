/** Commands about the server and the extension itself. */
import type { LogOutputChannel } from "vscode";
import { commands, ConfigurationTarget, workspace } from "vscode";

import { logsTraffic } from "../settings";
import type { Commands, Parts } from "./context";

/** The identifier that VS Code knows the walkthrough by. */
const WALKTHROUGH = "meerkat-rpc.meerkat#meerkat.start";

/** Log, traffic, restart, settings, help. */
export function serverCommands({ server, traffic }: Parts, log: LogOutputChannel): Commands {
  return {
    "meerkat.log": () => {
      log.show(true);
    },
    "meerkat.traffic": async () => {
      const wanted = !logsTraffic();
      await workspace.getConfiguration("meerkat").update("traffic", wanted, ConfigurationTarget.Global);
      traffic.update();
      traffic.show();
    },
    "meerkat.restart": () => server.restart(),
    "meerkat.openSettings": () => commands.executeCommand("workbench.action.openSettings", "@ext:meerkat-rpc.meerkat"),
    "meerkat.help": () => commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false),
  };
}

/** What the doctor looks at, one check after the other. Knows nothing of the editor's API. */
import type { Client, Model, RunningServer } from "meerkat-rpc-client";
import { messageOf } from "meerkat-rpc-client";

/** What one check found. `fix` says what to do where it isn't well. */
export interface Finding {
  readonly level: "ok" | "warning" | "error";
  readonly subject: string;
  readonly text: string;
  readonly fix?: string;
}

/** What only the editor knows. */
export interface Circumstances {
  readonly editorVersion: string;
  readonly minimumVersion: string;
  readonly extensionVersion: string;
  readonly nodeVersion: string;
  readonly folder: string;
  readonly logPath: string;
  readonly lastCrash: { readonly reason: string; readonly at: Date } | undefined;
  readonly commandSetting: string;
}

const ORIGINS: Readonly<Record<RunningServer["command"]["origin"], string>> = {
  setting: "named in the settings",
  PATH: "found on PATH",
  python: "a module of the Python on PATH",
  uvx: "run by uvx",
};

/** A start that takes longer is felt. */
const SLOW_START_MS = 2_000;

/** Look at everything. Each check that can't be made says why. */
export async function examine(client: Client, at: Circumstances): Promise<Finding[]> {
  const findings = [editor(at), ok("Extension", `${at.extensionVersion}, on Node ${at.nodeVersion}`)];
  findings.push(ok("Folder", at.folder));
  try {
    await (client.status.kind === "failed" ? client.restart() : client.start());
  } catch (error) {
    const fix = `Install it, or set ${at.commandSetting}; then call the doctor again.`;
    return [...findings, bad("Server", messageOf(error), fix), crash(at), ok("Log", at.logPath)];
  }
  findings.push(...server(client, at));
  findings.push(...(await Promise.all([store(client), model(client), sessions(client)])));
  return [...findings, crash(at), ok("Log", at.logPath)];
}

/** The findings as a Markdown document that reads well as it is. */
export function report(findings: readonly Finding[]): string {
  const count = findings.filter(({ level }) => level !== "ok").length;
  const summary = count === 0 ? "All is well." : `${count} ${count === 1 ? "thing" : "things"} to look at.`;
  return `# Meerkat: Doctor\n\n${summary}\n\n${findings.map(line).join("\n")}\n`;
}

function line({ level, subject, text, fix }: Finding): string {
  const mark = { ok: "✓ ok", warning: "⚠ warning", error: "✗ error" }[level];
  return `- ${mark} – ${subject}: ${text}${fix === undefined ? "" : `\n  - Fix: ${fix}`}`;
}

function editor({ editorVersion, minimumVersion }: Circumstances): Finding {
  return isAtLeast(editorVersion, minimumVersion)
    ? ok("Editor", `VS Code ${editorVersion}`)
    : bad("Editor", `VS Code ${editorVersion} is older than ${minimumVersion}`, "Update the editor.");
}

function isAtLeast(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, "en", { numeric: true }) >= 0;
}

function server({ status }: Client, { commandSetting }: Circumstances): Finding[] {
  if (status.kind !== "ready") {
    return [warn("Server", `It is ${status.kind}.`, "Run “Meerkat: Restart Server”.")];
  }
  const { command, initialized, startMs, pid } = status.server;
  const words = [command.program, ...command.args].join(" ");
  const start = `answered ${Math.round(startMs)} ms after its start`;
  return [
    ok("Command", `\`${words}\`, ${ORIGINS[command.origin]} (${commandSetting} names another)`),
    ok("Server", `${initialized.server_info.version}, contract ${initialized.contract_version}, process ${pid ?? "?"}`),
    startMs < SLOW_START_MS ? ok("Start", start) : warn("Start", start, "A `meerkat-rpc` on PATH starts faster."),
  ];
}

async function store(client: Client): Promise<Finding> {
  return check("Store", async () => {
    const { store: info, status, stored_sessions } = await client.request("runtime/health", {});
    const where = info.path ?? "in memory: it is gone when the server ends";
    return status === "ok"
      ? ok("Store", `${where}, ${stored_sessions} sessions`)
      : warn("Store", `${where} does not answer`, "Run `meerkat-rpc doctor` in a terminal.");
  });
}

async function model(client: Client): Promise<Finding> {
  return check("Model", async () => {
    const { models, default_model: name } = await client.request("models/catalog", {});
    const usable = models.filter(({ available }) => available).length;
    if (name === null) {
      const fix = "`pip install 'meerkat-rpc[local]'` has a small one, or set meerkat.model.";
      return bad("Model", "there is no default model", fix);
    }
    const missing = whatIsMissing(models, name);
    return missing === undefined
      ? ok("Model", `${name}; ${usable} of ${models.length} known models can be used`)
      : bad("Model", `${name} can't be used`, `It needs: ${missing}`);
  });
}

/** A model that the catalogue doesn't list needs what others of its provider need. */
function whatIsMissing(models: readonly Model[], name: string): string | undefined {
  const provider = name.split(":")[0];
  const known = models.find(({ id }) => id === name) ?? models.find((other) => other.provider === provider);
  return known?.available === false ? (known.missing ?? "see `meerkat-rpc doctor`") : undefined;
}

async function sessions(client: Client): Promise<Finding> {
  return check("Sessions", async () => {
    const [{ total }, { approvals }] = await Promise.all([
      client.request("session/list", { limit: 1 }),
      client.request("approval/list", {}),
    ]);
    return ok("Sessions", `${total}, not counting archived ones; ${approvals.length} questions wait for an answer`);
  });
}

async function check(subject: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return bad(subject, messageOf(error), "Run `meerkat-rpc doctor` in a terminal.");
  }
}

function crash({ lastCrash }: Circumstances): Finding {
  return lastCrash === undefined
    ? ok("Last crash", "none since the editor started")
    : warn("Last crash", `${lastCrash.at.toLocaleString()}: ${lastCrash.reason}`, "The log has what the server said.");
}

function ok(subject: string, text: string): Finding {
  return { level: "ok", subject, text };
}

function warn(subject: string, text: string, fix: string): Finding {
  return { level: "warning", subject, text, fix };
}

function bad(subject: string, text: string, fix: string): Finding {
  return { level: "error", subject, text, fix };
}

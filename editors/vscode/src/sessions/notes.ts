/** What quiet events say, in one line each. */
import type { Event, RunFailed } from "meerkat-rpc-client";

/** A line and how loud it is. */
export interface Note {
  readonly tone: "info" | "warning" | "error";
  readonly text: string;
}

/** The note that an event leaves, if any. */
export function noteOf(event: Event): Note | undefined {
  switch (event.type) {
    case "retrying":
      return warning(`${event.error} (attempt ${event.attempt} of ${event.max_attempts}; trying again)`);
    case "budget_warning":
      return warning(`${Math.round(event.percent)} % of the budget of ${budget(event.budget_type)} is used`);
    case "compaction_completed":
      return info(`The history was summarised: ${event.messages_before} messages became ${event.messages_after}`);
    case "compaction_failed":
      return warning(`The history could not be summarised: ${event.error}`);
    case "stream_truncated":
      return warning(`Some of what happened is no longer kept: ${event.reason}`);
    case "run_failed":
      return endOf(event);
    default:
      return undefined;
  }
}

/** How a turn that was not completed ended. */
export function endOf({ reason, error }: Pick<RunFailed, "reason" | "error">): Note {
  switch (reason) {
    case "cancelled":
      return info("Interrupted");
    case "host_exit":
      return warning("Interrupted: the server ended while this turn ran");
    case "budget":
      return warning(error);
    case "error":
      return { tone: "error", text: error };
  }
}

function budget(type: string): string {
  return type.replaceAll("_", " ");
}

function info(text: string): Note {
  return { tone: "info", text };
}

function warning(text: string): Note {
  return { tone: "warning", text };
}

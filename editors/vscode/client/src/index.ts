/** A client of meerkat-rpc for Node hosts. */
export * from "./contract.js";
export * from "./errors.js";
export { Client, type ParamsOf, type Request } from "./client.js";
export { findServer, type Origin, type ServerCommand, type Wanted } from "./discovery.js";
export { SessionFeed } from "./feed.js";
export { newId } from "./ids.js";
export { lendTools, type LentTool } from "./lending.js";
export type { Answerer, Method, NotificationName } from "./link.js";
export type { ClientOptions } from "./options.js";
export type { RunningServer, Status } from "./supervisor.js";
export { TurnText } from "./text.js";
export { isTerminal, runTurn, startTurn, type TurnRequest } from "./turn.js";
export type { Traffic } from "./wire.js";
export type { Disposable, Event as Subscribe } from "vscode-jsonrpc/node";

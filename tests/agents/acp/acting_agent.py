"""An ACP agent, written with the protocol's own library, that does what its prompt says.

A prompt whose last text block is a JSON list is a script: each step is an object with one key, a method of ``Acts``.
Any other prompt is answered with what it was. How the agent greets, and what it can do, is said by its options.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from typing import Any

import acp
from acp import schema


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--sessions", help="a folder where sessions are kept")
    parser.add_argument("--login", action="store_true")
    parser.add_argument("--silent", action="store_true", help="never answer")
    parser.add_argument("--protocol", type=int, default=1)
    parser.add_argument("--greeting", help="a line to print that is no message")
    parser.add_argument("--settings", choices=["options", "modes", "models"])
    parser.add_argument("--stubborn", action="store_true", help="go on when cancelled")
    parser.add_argument("--exit", type=int, help="end at once with this code")
    return parser.parse_args()


class Acts:
    """What a step can do."""

    def __init__(self, agent: ActingAgent, session_id: str, blocks: list[Any]) -> None:
        self.agent = agent
        self.session_id = session_id
        self.blocks = blocks
        self.stop_reason = "end_turn"
        self.usage: schema.Usage | None = None

    async def update(self, update: dict[str, Any]) -> None:
        """Send an update just as it is."""
        await self.agent.notify(self.session_id, update)

    async def say(self, text: str) -> None:
        await self.update({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})

    async def think(self, text: str) -> None:
        await self.update({"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": text}})

    async def repeat(self, step: dict[str, Any]) -> None:
        for _ in range(step["times"]):
            await self.say(step["text"])

    async def say_large(self, size: int) -> None:
        await self.say("é" * size)

    async def tool(self, step: dict[str, Any]) -> None:
        await self.update({"sessionUpdate": "tool_call", **step})

    async def told(self, step: dict[str, Any]) -> None:
        await self.update({"sessionUpdate": "tool_call_update", **step})

    async def permission(self, step: dict[str, Any]) -> None:
        """Ask for permission and say what was answered."""
        answer = await self.agent.request("session/request_permission", {"sessionId": self.session_id, **step})
        await self.say(json.dumps(answer["outcome"]))

    async def read(self, params: dict[str, Any]) -> None:
        await self.file("fs/read_text_file", params)

    async def write(self, params: dict[str, Any]) -> None:
        await self.file("fs/write_text_file", params)

    async def file(self, method: str, params: dict[str, Any]) -> None:
        try:
            answer = await self.agent.request(method, {"sessionId": self.session_id, **params})
        except acp.RequestError as error:
            await self.say(f"refused: {error} {json.dumps(error.data)}")
        else:
            await self.say(json.dumps(answer))

    async def together(self, steps: list[dict[str, Any]]) -> None:
        await asyncio.gather(*(self.act(step) for step in steps))

    async def print(self, line: str) -> None:
        sys.stdout.write(line.replace("SESSION", self.session_id) + "\n")
        sys.stdout.flush()

    async def complain(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    async def close_output(self, _: Any) -> None:
        os.close(1)
        await asyncio.sleep(600)

    async def exit(self, code: int) -> None:
        os._exit(code)

    async def kill(self, _: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def hang(self, _: Any) -> None:
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                if not self.agent.options.stubborn:
                    raise

    async def freeze(self, _: Any) -> None:
        """Read nothing any more, and be deaf to SIGTERM."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getpid(), signal.SIGSTOP)

    async def child(self, path: str) -> None:
        """Start a process that outlives us, and write its id to a file."""
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            ["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        with open(path, "w", encoding="ascii") as file:
            file.write(str(process.pid))

    async def later(self, step: dict[str, Any]) -> None:
        """Ask for permission, and write a file, when the turn is over."""
        self.agent.afterwards = (self.session_id, step)

    async def holder(self, _: Any) -> None:
        """Start a process that holds our output open."""
        subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220 - it returns at once

    async def blocks_seen(self, _: Any) -> None:
        """Say which blocks the prompt had."""
        await self.say(json.dumps([block.model_dump(by_alias=True, exclude_none=True) for block in self.blocks]))

    async def about(self, name: str) -> None:
        facts = {
            "pid": os.getpid(),
            "cwd": os.getcwd(),
            "variable": os.environ.get("ACTING_VARIABLE"),
            "client": self.agent.client,
            "chosen": self.agent.chosen,
            "later": self.agent.answers,
            "prompts": self.agent.sessions[self.session_id],
        }
        await self.say(json.dumps(facts[name]))

    async def stop(self, reason: str) -> None:
        self.stop_reason = reason

    async def count(self, usage: dict[str, int]) -> None:
        self.usage = schema.Usage.model_validate(usage)

    async def refuse(self, step: dict[str, Any]) -> None:
        raise acp.RequestError(step.get("code", -32603), step["message"], step.get("data"))

    async def act(self, step: dict[str, Any]) -> None:
        ((name, argument),) = step.items()
        await getattr(self, name)(argument)


class ActingAgent:
    """The agent's side of the protocol."""

    connection: Any

    def __init__(self, given: argparse.Namespace) -> None:
        self.options = given
        self.sessions: dict[str, list[str]] = {}
        self.client: Any = None
        self.chosen: list[Any] = []
        self.afterwards: tuple[str, dict[str, Any]] | None = None
        self.answers: list[Any] = []
        self.asking: asyncio.Task[None] | None = None
        self.working: dict[str, asyncio.Task[Any]] = {}

    def on_connect(self, connection: Any) -> None:
        self.connection = connection

    async def notify(self, session_id: str, update: dict[str, Any]) -> None:
        await self.connection._conn.send_notification("session/update", {"sessionId": session_id, "update": update})

    async def request(self, method: str, params: dict[str, Any]) -> Any:
        return await self.connection._conn.send_request(method, params)

    async def initialize(self, client_capabilities: Any = None, **_: Any) -> schema.InitializeResponse:
        if self.options.silent:
            await asyncio.sleep(600)
        self.client = client_capabilities and client_capabilities.model_dump(by_alias=True, exclude_none=True)
        resume = schema.SessionCapabilities(resume=schema.SessionResumeCapabilities())
        login = schema.AuthMethodAgent(id="login", name="Log in", description="Run `acting login`")
        key = schema.EnvVarAuthMethod(
            type="env_var", id="key", name="A key", vars=[schema.AuthEnvVar(name="ACTING_KEY")]
        )
        return schema.InitializeResponse(
            protocol_version=self.options.protocol,
            agent_capabilities=schema.AgentCapabilities(
                load_session=self.options.load,
                prompt_capabilities=schema.PromptCapabilities(
                    image=self.options.images, embedded_context=self.options.embedded
                ),
                session_capabilities=resume if self.options.resume else schema.SessionCapabilities(),
            ),
            auth_methods=[login, key] if self.options.login else [],
        )

    async def new_session(self, **_: Any) -> Any:
        if self.options.login:
            raise acp.RequestError.auth_required()
        session_id = f"acting-{os.getpid()}-{len(self.sessions)}"
        self.sessions[session_id] = []
        self.keep(session_id)
        return schema.NewSessionResponse(session_id=session_id, **self.settings())

    def settings(self) -> dict[str, Any]:
        models = [{"value": "small", "name": "Small"}, {"value": "large", "name": "Large"}]
        grouped = [{"group": "all", "name": "All", "options": models}]
        match self.options.settings:
            case "options":
                model = {"id": "m", "name": "Model", "category": "model", "type": "select", "currentValue": "small"}
                loud = {"id": "loud", "name": "Loud", "type": "boolean", "currentValue": False}
                return {"config_options": [{**model, "options": grouped}, loud]}
            case "modes":
                modes = [{"id": "ask", "name": "Ask"}, {"id": "code", "name": "Code"}]
                return {"modes": {"currentModeId": "ask", "availableModes": modes}}
            case _:
                return {}

    def path(self, session_id: str) -> str:
        return os.path.join(self.options.sessions, f"{session_id}.json")

    def keep(self, session_id: str) -> None:
        if self.options.sessions:
            with open(self.path(session_id), "w", encoding="utf-8") as file:
                json.dump(self.sessions[session_id], file)

    async def load_session(self, session_id: str, **_: Any) -> Any:
        await self.take_up(session_id)
        for text in self.sessions[session_id]:
            content = {"type": "text", "text": text}
            await self.notify(session_id, {"sessionUpdate": "user_message_chunk", "content": content})
            await self.notify(session_id, {"sessionUpdate": "agent_message_chunk", "content": content})
        return schema.LoadSessionResponse(**self.settings())

    async def resume_session(self, session_id: str, **_: Any) -> Any:
        await self.take_up(session_id)
        return schema.ResumeSessionResponse(**self.settings())

    async def take_up(self, session_id: str) -> None:
        if not self.options.sessions or not os.path.exists(self.path(session_id)):
            raise acp.RequestError.resource_not_found(session_id)
        with open(self.path(session_id), encoding="utf-8") as file:
            self.sessions[session_id] = json.load(file)

    async def set_session_mode(self, mode_id: str, **_: Any) -> None:
        self.chosen.append(["mode", mode_id])

    async def set_config_option(self, config_id: str, value: Any, **_: Any) -> Any:
        self.chosen.append([config_id, value])
        return schema.SetSessionConfigOptionResponse(config_options=self.settings()["config_options"])

    async def authenticate(self, **_: Any) -> None:
        return None

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> schema.PromptResponse:
        acts = Acts(self, session_id, prompt)
        task = self.working[session_id] = asyncio.create_task(self.play(acts, prompt))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            acts.stop_reason = "cancelled"
        if self.afterwards is not None:
            self.asking = asyncio.create_task(self.ask_on(*self.afterwards))
            self.afterwards = None
        return schema.PromptResponse(stop_reason=acts.stop_reason, usage=acts.usage)  # type: ignore[arg-type]

    async def ask_on(self, session_id: str, step: dict[str, Any]) -> None:
        await asyncio.sleep(0.1)  # so that the answer to the prompt goes first
        for method in ("session/request_permission", "fs/write_text_file"):
            try:
                self.answers.append(await self.request(method, {"sessionId": session_id, **step}))
            except acp.RequestError as error:
                self.answers.append(str(error))
        with open(step["path"], "w", encoding="ascii") as file:
            file.write("asked")

    async def play(self, acts: Acts, prompt: list[Any]) -> None:
        texts = [block.text for block in prompt if block.type == "text"]
        text = next((text for text in texts if text.startswith('[{"')), (texts or [""])[-1])
        self.sessions[acts.session_id].append("\n".join(texts))
        self.keep(acts.session_id)
        if not text.startswith('[{"'):
            await acts.say(f"You said: {text}")
            return
        for step in json.loads(text):
            await acts.act(step)

    async def cancel(self, session_id: str, **_: Any) -> None:
        if (task := self.working.get(session_id)) is not None and not self.options.stubborn:
            task.cancel()

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        raise acp.RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        pass


async def main() -> None:
    given = options()
    if given.greeting:
        sys.stdout.write(given.greeting + "\n")
        sys.stdout.flush()
    if given.exit is not None:
        sys.stderr.write("no configuration found\n")
        sys.exit(given.exit)
    await acp.run_agent(ActingAgent(given), use_unstable_protocol=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    asyncio.run(main())

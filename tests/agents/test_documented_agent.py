"""The agent that docs/agents.md shows works as it stands there: installed as a package, run by the real server."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import pytest

from meerkat_rpc.client import Client, RpcError

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"

Installed = dict[str, str]
"""The environment in which the package is installed."""


def block(language: str) -> str:
    """Return the page's one code block of ``language``."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(code)


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    """Lay the documented package out as an installer would."""
    project = tomllib.loads(block("toml"))["project"]
    information = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    information.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (information / "METADATA").write_text(head)
    groups = project["entry-points"].items()
    lines = [f"[{group}]\n" + "\n".join(f"{n} = {target}" for n, target in names.items()) for group, names in groups]
    (information / "entry_points.txt").write_text("\n".join(lines))
    (tmp_path / "meerkat_recall.py").write_text(block("python"))
    return {"PYTHONPATH": str(tmp_path)}


def test_the_example_is_short() -> None:
    code = [line for line in (block("toml") + block("python")).splitlines() if line.strip()]
    assert len(code) < 40


def test_the_documented_agent_runs_turns_of_a_real_server(installed: Installed) -> None:
    async def talk() -> tuple[str, str, int]:
        async with Client.spawn(ephemeral=True, model="recall", env=installed) as client:
            first = await client.start("wake up")
            second = client.turn(first["session_id"], "stand guard")
            streamed = "".join([event["delta"] async for event in second if event.type == "text_delta"])
            result = await second
            assert result["text"] == streamed
            return first["text"], result["text"], result["usage"]["input_tokens"]

    assert asyncio.run(talk()) == ("You said: wake up", "You said: wake up, then stand guard", 3)


def test_the_documented_agent_is_in_the_catalogue(installed: Installed) -> None:
    async def models() -> list[str]:
        async with Client.spawn(ephemeral=True, env=installed) as client:
            return [model["id"] for model in (await client.models())["models"] if model["provider"] == "acme"]

    assert asyncio.run(models()) == ["recall"]


def test_the_documented_agent_s_refusal_of_a_parameter_reaches_the_client(installed: Installed) -> None:
    async def refused() -> RpcError:
        async with Client.spawn(ephemeral=True, model="recall", env=installed) as client:
            with pytest.raises(RpcError) as error:
                await client.start("hi", provider_params={"joint": 1})
            return error.value

    error = asyncio.run(refused())
    assert (error.name, error.message) == ("PROVIDER_ERROR", "provider_params.joint: expected a string")

"""Random configurations, written and patched over random files: what is read back is what was meant."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meerkat_rpc.config_check import check_config
from meerkat_rpc.config_edit import edited
from meerkat_rpc.config_file import ConfigFile, merge
from meerkat_rpc.config_keys import Key
from meerkat_rpc.config_schema import TABLES, Entries, Node, Table
from meerkat_rpc.config_tables import agent_settings
from meerkat_rpc.errors import InvalidArgument

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)

KINDS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "variable": st.from_regex(r"[A-Z_]{1,8}", fullmatch=True),
    "url": NAMES.map(lambda name: f"https://{name}/"),
    "duration": st.integers(1, 99).map(lambda number: f"{number}min"),
    "flag": st.booleans(),
    "count": st.integers(1, 20),
    "number": st.integers(0, 20),
    "seconds": st.integers(1, 20) | st.floats(0.5, 20),
    "folders": st.lists(NAMES.map(lambda name: f"/{name}"), max_size=3),
    "table": st.dictionaries(TEXT.filter(lambda name: "=" not in name), TEXT, max_size=3),
    "headers": st.dictionaries(NAMES, TEXT, max_size=3),
}


def values(node: Node) -> st.SearchStrategy[Any]:
    match node:
        case Key(kind="choice"):
            return st.sampled_from(node.choices)
        case Key(kind="texts"):
            return st.lists(st.sampled_from(node.choices) if node.choices else TEXT, max_size=4)
        case Key():
            return KINDS[node.kind]
        case Table():
            table = st.fixed_dictionaries({}, optional={name: values(below) for name, below in node.nodes.items()})
            return table.filter(lambda value: node.complaint is None or node.complaint(value) is None)
        case Entries():
            names = NAMES if node.name == "servers" else TEXT.map(lambda name: name.replace(":", "").strip() or "x")
            return st.dictionaries(names.filter(lambda name: node.form.fullmatch(name) is not None), SERVERS
                                   if node.name == "servers" else values(node.entry), max_size=3)  # fmt: skip


SERVERS = st.one_of(
    st.fixed_dictionaries(
        {"command": TEXT},
        optional={"args": st.lists(TEXT, max_size=3), "env": KINDS["table"], "cwd": TEXT, "enabled": st.booleans()},
    ),
    st.fixed_dictionaries({"url": KINDS["url"]}, optional={"headers": KINDS["headers"], "timeout": KINDS["seconds"]}),
)

CONFIGS = st.fixed_dictionaries({}, optional={name: values(node) for name, node in TABLES.items()} | {"model": TEXT})

COMMENTED = """\
# top
model = "x" # why
mcp.servers.a.command = "a" # dotted
[providers] # all of them
[providers.lab] # the lab
models = [
  "one", # the first
  "two",
] # both
[compaction]
# nothing
[providers.other]
headers = { A = "b" } # inline
[budget.turn]
tokens = 5"""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=CONFIGS, after=CONFIGS, ends=st.sampled_from(["\n", "\r\n"]))
def test_an_edited_file_reads_back_as_what_was_meant(before: dict[str, Any], after: dict[str, Any], ends: str) -> None:
    check_config(before, "")
    for content in (tomlkit.dumps(before).replace("\r\n", "\n").replace("\n", ends), COMMENTED.replace("\n", ends)):
        result = edited(content.encode(), after).decode()
        assert tomllib.loads(result) == after
        assert ("\r\n" in result) <= (ends == "\r\n")
        agent_settings(tomllib.loads(result))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(configs=st.lists(CONFIGS, min_size=1, max_size=4))
def test_a_patch_of_the_file_is_a_patch_of_its_settings(configs: list[dict[str, Any]], tmp_path: Path) -> None:
    file = ConfigFile(str(tmp_path / "config.toml"))
    held, generation = file.write({}, None)
    for config in configs:
        expected = merge(held, config)
        try:
            check_config(expected, "")
        except InvalidArgument:  # two right ones can make a wrong one: a command and a url
            continue
        file.patch(config, generation)
        held = tomllib.loads(Path(file.path).read_text(encoding="utf-8"))
        generation = file.read()[1]
        assert held == expected


def test_comments_and_order_stay_around_what_changes() -> None:
    config = tomllib.loads(COMMENTED)
    config["providers"]["lab"]["models"] = ["two", "three"]
    config["budget"]["turn"]["tokens"] = 6
    config["model"] = "y"
    assert edited(COMMENTED.encode(), config).decode() == COMMENTED.replace('"x" # why', '"y" # why').replace(
        '  "one", # the first\n  "two",\n', '  "two",\n  "three",\n'
    ).replace("tokens = 5", "tokens = 6")


@pytest.mark.parametrize(("before", "after"), [("a = 1", True), ("a = true", 1), ("a = 1", 1.0), ("a = 1.0", 1)])
def test_a_value_that_python_takes_for_the_same_is_written(before: str, after: Any) -> None:
    found = tomllib.loads(edited(before.encode(), {"a": after}).decode())["a"]
    assert (found, type(found)) == (after, type(after))

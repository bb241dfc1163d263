"""The schema: what is refused and how, what is read, and that documents and other modules say the same."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from meerkat_rpc.agent_settings import AgentSettings, Compacting, McpServer, ProviderSettings, Retrying
from meerkat_rpc.agents.llm import providers
from meerkat_rpc.config import MAX_CONFIG_BYTES, MAX_DOTS, parse_config
from meerkat_rpc.config_json_schema import config_schema
from meerkat_rpc.config_keys import Key
from meerkat_rpc.config_schema import BUILTIN_GROUPS, BUILTIN_TOOLS, PROVIDER_KINDS, WELL_KNOWN_PROVIDERS, walk
from meerkat_rpc.config_tables import agent_settings
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.builtin import source
from tests.config.document import DOCUMENT, written
from tests.imported import packages_after

EVERYTHING = """
model = "lab:größer"
trusted_projects = ["/work/shop", "~/play"]
[providers.lab]
kind = "openai-responses"
base_url = "https://lab.example/v1"
api_key_env = "LAB_KEY"
headers = { X-Team = "blue" }
models = ["größer", "kleiner"]
[providers.anthropic]
models = ["claude-x"]
[providers."月.local"]
base_url = "http://127.0.0.1:1/v1"
[mcp.servers.files]
command = "files-mcp"
args = ["--root", "/"]
env = { DEBUG = "1" }
cwd = "/work"
enabled = false
[mcp.servers.web]
url = "https://mcp.example/"
headers = { Authorization = "Bearer x" }
requires_approval = false
timeout = 2.5
[tools]
builtin = ["read", "run_command", "read"]
[approvals]
allow = ["write_file", "run_command:git status"]
[compaction]
auto = false
threshold_tokens = 1000
keep_turns = 0
[retry]
max_attempts = 1
base_delay_ms = 0
[budget.turn]
tokens = 1
duration = "5min"
tool_calls = 4
model_calls = 5
[budget.session]
tokens = 6
duration_ms = 7
tool_calls = 2
model_calls = 3
"""


def refusal(content: str) -> str:
    with pytest.raises(InvalidArgument) as caught:
        parse_config(content.encode(), "config.toml")
    return caught.value.message


def test_every_setting_is_read() -> None:
    assert agent_settings(parse_config(EVERYTHING.encode(), "")) == AgentSettings(
        providers={
            "lab": ProviderSettings(
                "lab",
                "openai-responses",
                "https://lab.example/v1",
                "LAB_KEY",
                {"X-Team": "blue"},
                ("größer", "kleiner"),
            ),
            "anthropic": ProviderSettings("anthropic", "anthropic", models=("claude-x",)),
            "月.local": ProviderSettings("月.local", "openai", "http://127.0.0.1:1/v1"),
        },
        mcp_servers={
            "files": McpServer("files", "files-mcp", ("--root", "/"), {"DEBUG": "1"}, "/work", enabled=False),
            "web": McpServer(
                "web",
                url="https://mcp.example/",
                headers={"Authorization": "Bearer x"},
                requires_approval=False,
                timeout_s=2.5,
            ),
        },
        builtin_tools=("read", "run_command"),
        allow=("write_file", "run_command:git status"),
        compaction=Compacting(auto=False, threshold_tokens=1000, keep_turns=0),
        retry=Retrying(max_attempts=1, base_delay_ms=0),
        budget={
            "turn": {"tokens": 1, "duration_ms": 300_000, "tool_calls": 4, "model_calls": 5},
            "session": {"tokens": 6, "duration_ms": 7, "tool_calls": 2, "model_calls": 3},
        },
        model="lab:größer",
    )


def test_the_example_uses_every_table_of_the_schema() -> None:
    config = tomllib.loads(EVERYTHING)

    def used(keys: tuple[str, ...], table: Any) -> bool:
        if not keys:
            return True
        names = table if keys[0] == "NAME" else keys[:1]
        return any(used(keys[1:], table[name]) for name in names if isinstance(table, dict) and name in table)

    nested = [keys for keys, node in walk() if isinstance(node, Key) and (len(keys) > 1 or keys == ("model",))]
    either = [("budget", "turn", "duration_ms"), ("budget", "session", "duration")]
    assert [keys for keys in nested if not used(keys, config)] == either


def test_an_empty_file_gives_the_defaults() -> None:
    assert agent_settings(parse_config(b"", "")) == AgentSettings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '\n[providers.lab]\nbase_uri = "http://x"\n',
            "config.toml, line 3: providers.lab.base_uri: no such setting; did you mean base_url?",
        ),
        (
            '[providers.lab]\napi_key = "sk-1234"\n',
            "line 2: providers.lab.api_key: no such setting; did you mean api_key_env?",
        ),
        ("[budget.trun]\ntokens = 1\n", "line 1: budget.trun: no such setting; did you mean turn?"),
        ("[bugdet.turn]\n", "line 1: bugdet: no such setting; did you mean budget?"),
        ("[compaction]\nzzz = 1", "compaction.zzz: no such setting; known settings: auto, threshold_tokens, keep"),
        ("providers = 3", "line 1: providers: expected a table (providers of models)"),
        ("[providers]\nlab = []", "line 2: providers.lab: expected a table (a provider of models"),
        (
            '[providers."a:b"]',
            'providers."a:b": expected a name of at most 64 characters without a colon or white space, and not acp',
        ),
        ("[providers.acp]", "providers.acp: expected a name"),
        (
            "[providers.x]\nkind = 'cohere'",
            'line 2: providers.x.kind: expected one of openai, openai-responses, anthropic, google, got "cohere"',
        ),
        ("[providers.x]\nheaders = { 'a b' = 'c' }", "providers.x.headers: expected a table of header names"),
        ("[providers.x]\nbase_url = 'ftp://x'", "providers.x.base_url: expected an address that begins with http://"),
        ("[mcp.servers.x]\n", "line 1: mcp.servers.x: expected either command or url"),
        ("[mcp.servers.x]\ncommand='a'\nurl='http://x'", "mcp.servers.x: expected either command or url"),
        ("[mcp.servers.x]\ncommand='a'\nheaders={}", "mcp.servers.x: headers is for a server with a url"),
        ("[mcp.servers.x]\nurl='http://x'\nargs=[]", "mcp.servers.x: args is for a server with a command"),
        ("[mcp.servers.x]\nurl='http://x'\ntimeout=0", "mcp.servers.x: timeout: expected more than 0 seconds"),
        ("[mcp.servers.x]\nurl='http://x'\ntimeout=1e9", "timeout: expected a number of seconds from 0 to 86400"),
        ("[mcp.servers.x]\nurl='http://x'\nenabled='yes'", 'enabled: expected true or false, got "yes"'),
        ("[mcp.servers.'x y']\nurl='http://x'", 'mcp.servers."x y": expected a name of at most 32 letters'),
        ("[tools]\nbuiltin = ['fly']", "tools.builtin: expected a list of some of read, write, run, all, read_file"),
        ("[tools]\nbuiltin = 'read'", "tools.builtin: expected a list of some of"),
        ("[approvals]\nallow = [3]", "approvals.allow: expected a list of texts, got a list"),
        ("[retry]\nmax_attempts = 21", "retry.max_attempts: expected an integer from 1 to 20, got 21"),
        ("[retry]\nbase_delay_ms = -1", "retry.base_delay_ms: expected an integer from 0 to 60000, got -1"),
        ("[compaction]\nauto = 1", "compaction.auto: expected true or false, got 1"),
        ("[budget.turn]\nduration = '5m'", "budget.turn.duration: expected a duration such as 90s, 30min or 12h"),
        ("[budget.turn]\nduration = '0s'", "budget.turn.duration: expected a duration"),
        ("[budget.turn]\nduration = '5s'\nduration_ms = 1", "budget.turn: expected either duration or duration_ms"),
        ("[budget.turn]\ntokens = true", "budget.turn.tokens: expected an integer ≥ 1, got true"),
        ("trusted_projects = ['here']", "trusted_projects: expected a list of absolute paths"),
        ("trusted_projects = ['~other/x']", "trusted_projects: expected a list of absolute paths"),
        ("a = 1" + "1" * 5000, "config.toml: Exceeds the limit"),
        ("a = " + "[" * 5000, "config.toml: nested too deep"),
        ("[" + "a." * (MAX_DOTS + 1) + "a]", f"config.toml: too large, or a line with more than {MAX_DOTS} dots in it"),
        ("#" * (MAX_CONFIG_BYTES + 1), "config.toml: too large"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place_and_what_would_be_right(content: str, message: str) -> None:
    assert message in refusal(content)


@pytest.mark.parametrize(
    "content",
    [
        "[providers.x]\napi_key_env = 'sk-hunter2'",
        "[providers.x]\nheaders = 'Bearer hunter2'",
        "[providers.x]\nbase_url = 'me:hunter2@host'",
        "[mcp.servers.x]\ncommand = 'a'\nenv = 'KEY=hunter2'",
        "[mcp.servers.x]\ncommand = 'a'\nargs = 'hunter2'",
    ],
)
def test_a_refusal_does_not_repeat_what_may_be_a_secret(content: str) -> None:
    assert "hunter2" not in refusal(content)


def test_a_byte_order_mark_is_named() -> None:
    with pytest.raises(InvalidArgument, match="byte order mark; save it as UTF-8 without one"):
        parse_config(b'\xef\xbb\xbfmodel = "x"\n', "config.toml")


def test_windows_line_ends_are_read_and_counted() -> None:
    assert parse_config(b"[retry]\r\nmax_attempts = 2\r\n", "") == {"retry": {"max_attempts": 2}}
    assert "line 3: retry.max: " in refusal("[retry]\r\n\r\nmax = 2\r\n")


def test_a_hostile_file_takes_no_time() -> None:
    line = "a." * (MAX_DOTS - 1) + "a = 1\n"
    lines = [f"k{number}.{line}" for number in range(MAX_CONFIG_BYTES // (len(line) + 6))]
    assert "no such setting" in refusal("".join(lines))  # in a second, not in hours: there is a test timeout


def test_the_largest_file_is_read() -> None:
    rules = ["run_command:" + "x" * 87] * 1250
    content = f"[approvals]\nallow = {json.dumps(rules)}\n".encode()
    assert MAX_CONFIG_BYTES * 0.9 < len(content) < MAX_CONFIG_BYTES
    assert len(parse_config(content, "")["approvals"]["allow"]) == 1250


def test_the_documents_table_is_what_the_schema_says() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    assert written(document) == document, "mend it with: python -m tests.config.document"


def test_the_documents_example_is_valid() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    example = document.partition("```toml\n")[2].partition("```")[0]
    assert agent_settings(parse_config(example.encode(), "")).budget["turn"] == {
        "model_calls": 50,
        "duration_ms": 1_800_000,
    }


def test_every_setting_has_a_line_of_documentation() -> None:
    docs = [node.doc for _keys, node in walk()]
    assert all(doc and "\n" not in doc and not doc.endswith(".") for doc in docs)


def test_the_json_schema_takes_what_we_take() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())
    jsonschema.validate(tomllib.loads(EVERYTHING), config_schema())


@pytest.mark.parametrize(
    "config",
    [
        {"modle": "x"},
        {"providers": {"x": {"kind": "cohere"}}},
        {"tools": {"builtin": ["fly"]}},
        {"retry": {"max_attempts": 21}},
        {"budget": {"turn": {"tokens": 0}}},
    ],
)
def test_the_json_schema_refuses_what_we_refuse(config: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(config, config_schema())


def test_the_built_in_tools_are_those_there_are() -> None:
    assert source.NAMES == BUILTIN_TOOLS
    assert source.GROUPS == BUILTIN_GROUPS


def test_the_providers_are_those_there_are() -> None:
    assert providers.KINDS == PROVIDER_KINDS
    assert set(providers.names(AgentSettings())) == set(WELL_KNOWN_PROVIDERS)


def test_a_flat_file_is_read_without_the_schema(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('model = "echo"\n')
    where = {"MEERKAT_CONFIG": str(tmp_path / "config.toml")}
    loaded = packages_after(
        f"from meerkat_rpc.config import resolve; resolve({{}}, {where}); "
        "sys.modules['nested'] = 'meerkat_rpc.config_schema' in sys.modules or sys.exit(0)"
    )
    assert loaded == set()

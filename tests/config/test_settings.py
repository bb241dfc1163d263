import argparse
from collections.abc import Mapping
from pathlib import Path

import platformdirs
import pytest

from meerkat_rpc.commands.serve_options import add_serve_options
from meerkat_rpc.config import Settings, config_path, default_store, resolve
from meerkat_rpc.config_check import check_config
from meerkat_rpc.config_keys import DRAIN_TIMEOUT_S, KEYS, MAX_FRAME_BYTES, MAX_SESSIONS
from meerkat_rpc.errors import InvalidArgument
from tests.imported import packages_after


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def settings(arguments: str = "", environ: Mapping[str, str] | None = None, config: Path | None = None) -> Settings:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_serve_options(parser)
    where = {"MEERKAT_CONFIG": str(config or "/nonexistent/config.toml")}
    return resolve(vars(parser.parse_args(arguments.split())), where | dict(environ or {}))


def test_without_anything_given_the_defaults_hold() -> None:
    found = settings()
    assert (found.max_sessions, found.drain_timeout_s, found.max_frame_bytes) == (
        MAX_SESSIONS,
        DRAIN_TIMEOUT_S,
        MAX_FRAME_BYTES,
    )
    assert (found.framing, found.model, found.contract, found.ephemeral, found.isolated) == (
        "auto",
        None,
        None,
        False,
        False,
    )


def test_an_option_goes_before_the_environment_and_the_environment_before_the_file(config: Path) -> None:
    config.write_text('model = "of-the-file"\n')
    environ = {"MEERKAT_MODEL": "of-the-environment"}
    assert settings("--model of-the-option", environ, config).model == "of-the-option"
    assert settings("", environ, config).model == "of-the-environment"
    assert settings("", {"MEERKAT_MODEL": ""}, config).model == "of-the-file"
    assert settings("--model of-the-option", environ, config).given_model == "of-the-option"
    assert settings("", environ, config).given_model == "of-the-environment"
    assert settings("", {}, config).given_model is None


@pytest.mark.parametrize("name", [key.name for key in KEYS.values() if key.environment])
def test_what_the_environment_may_say_is_read(name: str) -> None:
    value = "/some/where" if KEYS[name].kind == "path" else "something"
    assert getattr(settings("", {f"MEERKAT_{name.upper()}": value}), name) == value


def test_every_setting_can_come_from_the_file(config: Path) -> None:
    config.write_text(
        'store = "/s"\nmodel = "m"\ncontract = "0.8"\nmax_sessions = 7\nframing = "jsonl"\ndrain_timeout = 1\n'
        'max_frame_bytes = 1024\nfold_after = "2h"\nlog_level = "debug"\nlog_file = "/l"\n[env]\nSOME_KEY = "k"\n'
    )
    assert settings("", {}, config) == Settings(
        "/s",
        False,
        False,
        "m",
        "0.8",
        None,
        7,
        "jsonl",
        1.0,
        1024,
        7_200_000,
        "debug",
        "/l",
        {"SOME_KEY": "k"},
        str(config),
    )


def test_the_default_directories_are_those_of_platformdirs(monkeypatch: pytest.MonkeyPatch) -> None:
    for environ in ({}, {"XDG_STATE_HOME": "/state", "XDG_CONFIG_HOME": "/config"}):
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert default_store(environ) == platformdirs.user_state_dir("meerkat-rpc") + "/store"
        assert config_path({}, environ) == platformdirs.user_config_dir("meerkat-rpc") + "/config.toml"


def test_a_relative_xdg_directory_is_ignored() -> None:
    assert default_store({"XDG_STATE_HOME": "state"}) == str(Path.home() / ".local/state/meerkat-rpc/store")


def test_a_realm_is_a_store_by_name_under_the_state_root() -> None:
    assert settings("--realm team-a --state-root /root").store == "/root/realms/team-a"
    assert settings("--realm team-a", {"XDG_STATE_HOME": "/state"}).store == "/state/meerkat-rpc/realms/team-a"
    assert settings("--state-root /root").store == "/root/store"


def test_a_realm_goes_before_the_environment() -> None:
    assert settings("--realm a --state-root /root", {"MEERKAT_STORE": "/elsewhere"}).store == "/root/realms/a"


@pytest.mark.parametrize("name", ["../up", ".hidden", "a/b", "dot.", "-dash", "x" * 101])
def test_a_realm_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="--realm"):
        resolve({"realm": name}, {"MEERKAT_CONFIG": "/nonexistent"})


@pytest.mark.parametrize("option", ["--ephemeral", "--isolated"])
def test_sessions_that_end_with_the_process_have_no_store_of_the_users(option: str) -> None:
    found = settings(option, {"MEERKAT_STORE": "/store"})
    assert found.store is None
    assert (found.ephemeral, found.isolated) == (option == "--ephemeral", option == "--isolated")


def test_the_options_of_the_sdks_are_accepted() -> None:
    found = settings(
        "rpc --realm x --state-root /r --instance i --realm-backend sqlite --context-root /work "
        "--user-config-root /conf --live-ws 127.0.0.1:0 --live-webrtc"
    )
    assert (found.store, found.cwd) == ("/r/realms/x", "/work")


def test_the_user_config_root_holds_the_configuration_file() -> None:
    assert config_path({"user_config_root": "/conf"}, {}) == "/conf/config.toml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('model = "m"\nmax_session = 3\n', "line 2: max_session: no such setting; did you mean max_sessions?"),
        ("\n\nmodel = 3\n", "line 3: model: expected text, got 3"),
        ("max_sessions = true\n", "line 1: max_sessions: expected an integer ≥ 1, got true"),
        ('framing = "xml"\n', 'framing: expected one of auto, jsonl, content-length, got "xml"'),
        ("drain_timeout = -1.5\n", "drain_timeout: expected a number of seconds ≥ 0, got -1.5"),
        ("drain_timeout = inf\n", "drain_timeout: expected a number of seconds ≥ 0, got inf"),
        ('fold_after = "soon"\n', 'fold_after: expected a duration such as 12h or 7d, or "never", got "soon"'),
        ("fold_after = 7\n", "fold_after: expected a duration"),
        ("[env]\nKEY = 3\n", "line 1: env: expected a table of variable names and texts, got a table"),
        ("model = \n", "line 1, column"),
        ("zzz = 1\n", "known settings: store, model"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_the_line_and_the_nearest_key(
    config: Path, content: str, message: str
) -> None:
    config.write_text(content)
    with pytest.raises(InvalidArgument) as caught:
        settings("", {}, config)
    assert str(config) in caught.value.message
    assert message in caught.value.message


def test_a_file_that_is_not_utf_8_is_refused_with_its_name(config: Path) -> None:
    config.write_bytes(b'model = "\xff"\n')
    with pytest.raises(InvalidArgument, match=r"config\.toml: not UTF-8 at byte 9"):
        settings("", {}, config)


def test_a_secret_of_the_wrong_type_is_not_repeated(config: Path) -> None:
    config.write_text('env = ["hunter2"]\n')
    with pytest.raises(InvalidArgument) as caught:
        settings("", {}, config)
    assert "hunter2" not in caught.value.message


def test_an_option_out_of_range_is_refused_by_its_name() -> None:
    with pytest.raises(InvalidArgument, match="--max-sessions: expected an integer ≥ 1, got 0"):
        settings("--max-sessions 0")


@pytest.mark.parametrize(("given", "held"), [("0s", 0), ("2w", 14 * 86_400_000), ("never", None)])
def test_deltas_are_folded_after_a_duration_or_never(given: str, held: int | None) -> None:
    assert settings(f"--fold-after {given}").fold_after_ms == held


def test_a_path_is_made_absolute_and_its_tilde_expanded() -> None:
    assert settings("--store ~/sessions").store == str(Path.home() / "sessions")


def test_resolving_loads_neither_platformdirs_nor_a_toml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEERKAT_CONFIG", "/nonexistent")
    loaded = packages_after("import os; from meerkat_rpc.config import resolve; resolve({}, os.environ)")
    assert {"asyncio", "attr", "logging", "platformdirs", "tomllib"} & loaded == set()


def test_an_unknown_setting_is_named_no_longer_than_a_name_can_be() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_config({"x" * 1_000_000: 1}, "params.config")
    assert refused.value.message.startswith("params.config.xxx")
    assert len(refused.value.message) < 400

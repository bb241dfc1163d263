import stat
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.config_file import ConfigFile
from meerkat_rpc.errors import InvalidArgument, StoreError

WRITTEN_BY_HAND = """\
# My settings.
model = "echo"  # while there is no key

[env]
# from the team's vault
SERVICE_API_KEY = "s3cret"
HF_HOME = "/models"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "config.toml"


@pytest.fixture
def file(path: Path) -> ConfigFile:
    return ConfigFile(str(path))


@pytest.fixture
def by_hand(path: Path, file: ConfigFile) -> ConfigFile:
    path.parent.mkdir()
    path.write_text(WRITTEN_BY_HAND)
    return file


def test_no_file_is_no_settings_and_generation_nought(file: ConfigFile) -> None:
    assert file.read() == ({}, 0)


def test_what_is_written_is_read_back_with_another_generation(file: ConfigFile) -> None:
    config, first = file.write({"model": "echo", "max_sessions": 3}, None)
    assert (config, first) == file.read()
    assert config == {"model": "echo", "max_sessions": 3}
    assert file.write({"model": "scripted"}, first)[1] not in {0, first}


def test_a_generation_fits_a_javascript_number(by_hand: ConfigFile) -> None:
    assert 0 < by_hand.read()[1] < 2**53


def test_a_stale_generation_is_refused_and_nothing_is_written(file: ConfigFile, path: Path) -> None:
    _, first = file.write({"model": "a"}, 0)
    _, second = file.write({"model": "b"}, first)
    for write, stale in ((file.write, first), (file.patch, 0)):
        with pytest.raises(InvalidArgument, match=r"params\.expected_generation") as caught:
            write({"model": "c"}, stale)
        assert caught.value.data["generation"] == second
    assert tomllib.loads(path.read_text()) == {"model": "b"}


def test_an_edit_by_hand_makes_a_generation_stale(by_hand: ConfigFile, path: Path) -> None:
    _, seen = by_hand.read()
    path.write_text(WRITTEN_BY_HAND.replace("echo", "scripted"))
    with pytest.raises(InvalidArgument):
        by_hand.patch({"model": "smollm2"}, seen)


def test_a_patch_keeps_comments_and_order(by_hand: ConfigFile, path: Path) -> None:
    by_hand.patch({"model": "scripted", "max_sessions": 5}, None)
    assert path.read_text() == WRITTEN_BY_HAND.replace('"echo"', '"scripted"').replace(
        "\n\n[env]", "\nmax_sessions = 5\n\n[env]"
    )


# RFC 7396 section 3 and appendix A, in terms of our settings.
@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({}, {"model": "m", "env": {"A": "1", "B": "2"}}),
        ({"model": "n"}, {"model": "n", "env": {"A": "1", "B": "2"}}),
        ({"model": None}, {"env": {"A": "1", "B": "2"}}),
        ({"log_file": None}, {"model": "m", "env": {"A": "1", "B": "2"}}),
        ({"env": {"A": None, "C": "3"}}, {"model": "m", "env": {"B": "2", "C": "3"}}),
        ({"env": None}, {"model": "m"}),
        ({"env": {"A": None, "B": None}}, {"model": "m", "env": {}}),
    ],
)
def test_a_patch_is_a_merge_patch(file: ConfigFile, patch: dict[str, Any], expected: dict[str, Any]) -> None:
    file.write({"model": "m", "env": {"A": "1", "B": "2"}}, None)
    assert file.patch(patch, None)[0] == expected
    assert file.read()[0] == expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model": 3}, "params.config.model: expected text, got 3"),
        ({"model": None}, "params.config.model: expected text, got null"),
        ({"modle": "x"}, "params.config.modle: no such setting; did you mean model?"),
        ({"max-sessions": 3}, "params.config.max-sessions: no such setting; did you mean max_sessions?"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_path(file: ConfigFile, config: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        file.write(config, None)
    assert caught.value.message == message
    assert file.read() == ({}, 0)


def test_a_wrong_patch_is_refused_by_its_path(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument, match=r"params\.patch\.max_sessions: expected an integer ≥ 1, got 0"):
        file.patch({"max_sessions": 0}, None)


def test_secrets_are_never_shown(by_hand: ConfigFile) -> None:
    shown = {"SERVICE_API_KEY": "***", "HF_HOME": "/models"}
    assert by_hand.read()[0]["env"] == shown
    assert by_hand.patch({"model": "x"}, None)[0]["env"] == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("GH_TOKEN", "x", "***"),
        ("PGPASSFILE", "x", "***"),
        ("AWS_CREDENTIALS", "x", "***"),
        ("PROXY_AUTHORIZATION", "x", "***"),
        ("DATABASE_URL", "postgres://me:word@host/db", "***"),
        ("REMOTE", "https://token@host/", "***"),
        ("HOMEPAGE", "https://host/a@b", "https://host/a@b"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_kept(file: ConfigFile, name: str, value: str, shown: str) -> None:
    config, _ = file.write({"env": {name: value}}, None)
    assert config == {"env": {name: shown}}
    file.write({"model": "m", **config}, None)
    assert value in Path(file.path).read_text()


def test_a_refused_table_is_not_repeated(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument) as caught:
        file.write({"env": "API_KEY=word"}, None)
    assert "word" not in caught.value.message


@pytest.mark.parametrize("way", ["write", "patch"])
def test_a_mask_written_back_keeps_the_secret(by_hand: ConfigFile, path: Path, way: str) -> None:
    config, generation = by_hand.read()
    getattr(by_hand, way)(config, generation)
    assert path.read_text() == WRITTEN_BY_HAND


def test_a_mask_for_a_secret_that_is_not_there_is_refused(file: ConfigFile) -> None:
    with pytest.raises(InvalidArgument, match=r"params\.config\.env\.API_TOKEN"):
        file.write({"env": {"API_TOKEN": "***"}}, None)


def test_the_file_is_for_its_owner_only(file: ConfigFile, path: Path) -> None:
    file.write({"model": "echo"}, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_symbolic_link_stays_one(file: ConfigFile, path: Path, tmp_path: Path) -> None:
    dotfile = tmp_path / "dotfiles.toml"
    dotfile.write_text('model = "echo"\n')
    path.parent.mkdir()
    path.symlink_to(dotfile)
    ConfigFile(str(path)).patch({"model": "scripted"}, None)
    assert path.is_symlink()
    assert dotfile.read_text() == 'model = "scripted"\n'


def test_a_file_that_is_broken_is_not_written_over(file: ConfigFile, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("model = [\n")
    for attempt in (file.read, lambda: file.write({"model": "echo"}, None), lambda: file.patch({}, None)):
        with pytest.raises(InvalidArgument, match=r"config\.toml"):
            attempt()
    assert path.read_text() == "model = [\n"


def test_a_directory_in_the_files_place_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="directory"):
        ConfigFile(str(tmp_path)).read()


def test_nothing_is_left_behind_but_the_file_and_its_lock(file: ConfigFile, path: Path) -> None:
    file.write({"model": "echo"}, None)
    assert {entry.name for entry in path.parent.iterdir()} == {"config.toml", "config.toml.lock"}


def test_of_racing_writers_with_the_same_generation_one_wins(file: ConfigFile, path: Path) -> None:
    def write(number: int) -> bool:
        try:
            ConfigFile(str(path)).write({"max_sessions": number}, 0)
        except InvalidArgument:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(1, 9)))
    assert outcomes.count(True) == 1
    assert file.read()[0] == {"max_sessions": outcomes.index(True) + 1}

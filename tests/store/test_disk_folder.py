"""Where a store may be, and who may look into it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from meerkat_rpc.errors import StoreError
from meerkat_rpc.store import disk_folder
from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_folder import NETWORK_FILESYSTEMS, filesystem_of
from tests.store.conftest import open_disk
from tests.store.sessions import add, create, events


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_once(path: Path) -> None:
    async def opened() -> None:
        async with open_disk(path) as store:
            await add(store, await create(store), events=events(1, 3))
            assert {mode(entry) for entry in path.iterdir()} == {0o600}

    asyncio.run(opened())


@pytest.fixture(params=[0, 0o022, 0o777], ids=["umask 000", "umask 022", "umask 777"])
def umask(request: pytest.FixtureRequest) -> object:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_a_new_store_is_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "parents" / "store"
    open_once(path)
    open_once(path)
    assert [mode(made) for made in (path, path.parent, path.parent.parent)] == [0o700] * 3
    assert sorted(entry.name for entry in path.iterdir()) == ["cache.db", "store.json"]


def test_a_store_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "store"
    open_once(path)
    path.chmod(0o755)
    for entry in path.iterdir():
        entry.chmod(0o644)
    open_once(path)
    assert mode(path) == 0o700
    assert {mode(entry) for entry in path.iterdir()} == {0o600}


def test_an_empty_directory_becomes_a_store_and_private(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir()
    path.chmod(0o755)
    open_once(path)
    assert mode(path) == 0o700


def test_a_directory_of_other_things_is_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.mkdir()
    path.chmod(0o755)
    (path / "letter").write_text("dear")
    with pytest.raises(StoreError, match="open to others"):
        open_once(path)
    assert mode(path) == 0o755
    assert [entry.name for entry in path.iterdir()] == ["letter"]


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    path = tmp_path / "link"
    path.symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="symbolic link"):
        open_once(path)
    assert list((tmp_path / "real").iterdir()) == []


def test_a_parent_that_is_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    open_once(tmp_path / "link" / "store")
    assert mode(tmp_path / "real" / "store") == 0o700


def symbolic_link(path: Path, elsewhere: Path) -> None:
    path.rename(elsewhere) if path.exists() else elsewhere.touch()
    path.symlink_to(elsewhere)


def hard_link(path: Path, elsewhere: Path) -> None:
    path.touch()
    elsewhere.hardlink_to(path)


def pipe(path: Path, _elsewhere: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def directory(path: Path, _elsewhere: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def of_another_user(path: Path, _elsewhere: Path) -> None:
    path.touch()
    os.chown(path, 12345, 12345)


@pytest.mark.parametrize("name", ["store.json", "cache.db", "cache.db-wal", "cache.db-shm", "cache.db-journal"])
@pytest.mark.parametrize("odd", [symbolic_link, hard_link, pipe, directory, of_another_user])
def test_a_file_that_is_not_what_it_seems_is_refused_and_left(
    tmp_path: Path, name: str, odd: Callable[[Path, Path], None]
) -> None:
    if odd is of_another_user and os.geteuid() != 0:
        pytest.skip("only root can give files away")
    path = tmp_path / "store"
    open_once(path)
    path.chmod(0o777)  # whoever put it there could do so
    odd(path / name, tmp_path / "elsewhere")
    before = (path / name).lstat()
    with pytest.raises(StoreError, match=r"plain file|hard link|another user"):
        open_once(path)
    assert asyncio.run(DiskStore(path).check()).problems
    after = (path / name).lstat()
    assert (after.st_mode, after.st_ino, after.st_size) == (before.st_mode, before.st_ino, before.st_size)


def test_a_link_in_the_place_of_the_marker_s_draft_is_not_followed(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    path.mkdir(mode=0o700)
    elsewhere.write_text("dear")
    (path / f"store.json.{os.getpid()}.new").symlink_to(elsewhere)
    open_once(path)
    assert elsewhere.read_text() == "dear"


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(StoreError, match="not a directory"):
        open_once(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give directories away")
def test_another_users_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store"
    path.mkdir(mode=0o700)
    os.chown(path, 12345, 12345)
    with pytest.raises(StoreError, match="belongs to another user"):
        open_once(path)


def test_a_path_that_would_be_expanded_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELSEWHERE", "/elsewhere")
    with pytest.raises(StoreError, match="environment variable"):
        open_once(tmp_path / "$ELSEWHERE")


def test_a_parent_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be used"):
        open_once(tmp_path / "file" / "store")


MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/me/local xfs rw 0 0
//nas/share /mnt/my\\040share cifs rw 0 0
tmpfs /home tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/var/lib", "ext4"),
        ("/homes", "ext4"),
        ("/home/me/local", "xfs"),
        ("/home/me/local/store", "xfs"),
        ("/mnt/my share/store", "cifs"),
        ("/home/me", "tmpfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_last_longest_mount(path: str, kind: str) -> None:
    assert filesystem_of(path, MOUNTS) == kind


@pytest.mark.skipif(not Path("/proc/mounts").exists(), reason="Linux tells what is mounted in /proc/mounts")
def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = filesystem_of(str(tmp_path.resolve()), Path("/proc/mounts").read_text())
    assert kind is not None
    monkeypatch.setattr(disk_folder, "NETWORK_FILESYSTEMS", NETWORK_FILESYSTEMS | {kind})
    with pytest.raises(StoreError, match="network file system"):
        open_once(tmp_path / "store")

"""Disks that are full or read-only, and a store that is taken away while it is used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.faults.injected import Fault, new_place
from tests.faults.lone_client import LoneClient, at_a_second_try
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

FULL_TURNS = 300
"""Turns after which a disk of 2 MiB must be full."""

WRITES = 450
"""About as many as a client's work takes: a disk becomes read-only before one of them."""


@sweep(short=1, full=20, needs=["mount", "umount"], as_root=True)
def full_disk(report: Report, size: int) -> None:
    """A disk of 2 MiB fills up, at the start or amid the work: answers, durability, the end, and on with more room."""
    random = Random(report.seed)
    for number in range(1, size + 1):
        with report.case(f"seed {report.seed}, round {number}: filled by turns"):
            at_a_second_try(lambda: _fill_with_turns(random))
        with report.case(f"seed {report.seed}, round {number}: full from the start"):
            at_a_second_try(lambda: _full_from_the_start(random))


def _fill_with_turns(random: Random) -> None:
    with _small_disk() as disk:
        with Server("--store", str(disk / "store")) as server:
            client = LoneClient(server)
            assert client.create()
            while client.turn({"text": random.randbytes(random.randrange(1, 20_000)).hex(), "chunks": 3}):
                assert len(client.session.asked) < FULL_TURNS, "the disk doesn't fill up"
            assert client.failed[0]["data"]["code"] == "STORE_ERROR", client.failed
            assert client.ask("read", "session/read")
            assert client.ask("history", "session/history")
            if random.random() < 0.5:
                _give_room(disk)
                client.go_on()
            client.end()
        _give_room(disk)
        client.hold(disk / "store")
        with Server("--store", str(disk / "store")) as client.server:
            client.go_on()
        client.hold(disk / "store")


def _full_from_the_start(random: Random) -> None:
    with _small_disk() as disk:
        (disk / "filler").write_bytes(bytes((2 << 20) - random.randrange(0, 40) * 4096))
        with Server("--store", str(disk / "store")) as server:
            client = LoneClient(server)
            client.work()
            assert client.failed
            (disk / "filler").unlink()
            client.go_on()
            client.end()
        client.hold(disk / "store")


@contextmanager
def _small_disk() -> Iterator[Path]:
    """Mount a file system of 2 MiB for as long as the block takes."""
    with new_place() as place:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=True)
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def _give_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)


@sweep(short=2, full=40, needs=["mount", "umount", "strace"], as_root=True)
def read_only_disk(report: Report, size: int) -> None:
    """A disk is read-only, from the start or from some write on: answers, durability, and on when it isn't any more."""
    random = Random(report.seed)
    with report.case("read-only from the start"):
        at_a_second_try(_read_only_from_the_start)
    for write in sorted(random.sample(range(1, WRITES), size)):
        with report.case(f"read-only from write {write} on"):
            at_a_second_try(lambda write=write: _read_only_from(write))  # type: ignore[misc]


def _read_only_from_the_start() -> None:
    with _small_disk() as disk:
        with Server("--store", str(disk / "store")) as server:
            client = LoneClient(server)
            client.work()
            client.end()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with Server("--store", str(disk / "store")) as client.server:
            assert not client.turn({"text": "no"})
            assert client.failed[-1]["data"]["code"] == "STORE_ERROR", client.failed
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            client.go_on()
            client.end()
        client.hold(disk / "store")


def _read_only_from(write: int) -> None:
    """No disk that is being written to can be made read-only; so the kernel says of every write that it is."""
    with new_place() as place:
        store, trace = place / "store", place / "trace"
        fault = Fault("pwrite64", "error=EROFS", f"{write}+", store)
        with Server("--store", str(store), under=fault.under(trace)) as server:
            client = LoneClient(server)
            client.work()
            client.end()
        if client.answered:
            client.hold(store)
        with Server("--store", str(store)) as client.server:
            client.go_on()
        client.hold(store)


@sweep(short=1, full=20)
def lost_directory(report: Report, size: int) -> None:
    """A store is moved, removed or replaced while it is used: refused, never begun anew, and on when it is back."""
    for number in range(1, size + 1):
        for how in (_moved, _removed, _replaced):
            with report.case(f"{how.__name__}, round {number}"):
                at_a_second_try(how)


def _moved() -> None:
    with new_place() as place, Server("--store", str(place / "store")) as server:
        client = _at_work(server)
        session_id, turn_id = server.hang("half")
        (place / "store").rename(place / "elsewhere")
        _is_refused(client)
        lost = server.error("turn/interrupt", session_id=session_id, turn_id=turn_id)
        assert lost["data"]["text"] == "half", lost
        (place / "elsewhere").rename(place / "store")
        client.go_on()
        assert server.call("session/read", session_id=session_id)["state"] == "idle"
        client.end()
        client.hold(place / "store")


def _removed() -> None:
    with new_place() as place:
        with Server("--store", str(place / "store")) as server:
            client = _at_work(server)
            shutil.rmtree(place / "store")
            _is_refused(client)
            client.end()
        assert not (place / "store").exists()


def _replaced() -> None:
    """Another store in its place is another's: its own server goes on with it."""
    with new_place() as place:
        with Server("--store", str(place / "other")) as server:
            other = _at_work(server)
            other.end()
        with Server("--store", str(place / "store")) as server:
            client = _at_work(server)
            (place / "store").rename(place / "elsewhere")
            (place / "other").rename(place / "store")
            _is_refused(client)
            client.end()
        client.hold(place / "elsewhere")
        other.hold(place / "store")
        with Server("--store", str(place / "store")) as other.server:
            other.go_on()
        other.hold(place / "store")


def _at_work(server: Server) -> LoneClient:
    client = LoneClient(server)
    assert client.create()
    assert client.turn({"text": "before"})
    return client


def _is_refused(client: LoneClient) -> None:
    """Raise unless the server says that its store is gone, whatever it is asked."""
    assert not client.turn({"text": "no"})
    assert not client.ask("read", "session/read")
    assert not client.ask("list", "session/list")
    for error in client.failed:
        assert error["data"]["code"] == "STORE_ERROR", error
        assert "deleted, moved or replaced" in error["message"], error
    assert client.server.call("runtime/health")["status"] == "degraded"

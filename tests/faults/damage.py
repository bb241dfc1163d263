"""Damage: a store is changed behind the program's back, in every way we could think of."""

from __future__ import annotations

import shutil
import tempfile
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from random import Random

from meerkat_rpc.ids import new_id
from tests.faults import damages
from tests.faults.contents import contents, listed
from tests.faults.damages import Damage
from tests.faults.stores.past import SPILLED
from tests.faults.stores.released import answer
from tests.faults.sweep import Report, sweep
from tests.faults.verdict import Original, judge
from tests.rpc.driver import Server

SESSIONS = 17
"""Enough for two pages of the catalogue."""


@sweep(short=14, full=600)
def damage(report: Report, size: int) -> None:
    """A damaged store is refused, or only the session that has it; nothing is executed, lost unseen or made worse."""
    with tempfile.TemporaryDirectory() as scratch:
        bench = _Bench(Path(scratch), report.seed)
        verdicts: Counter[str] = Counter()
        for one, original, source in islice(bench.cases(), size):
            with report.case(f"{one.name} (seed {report.seed})"):
                verdicts[bench.inflict(one, original, source)] += 1
    for kind, count in verdicts.most_common():
        report.figure(kind, str(count))


class _Bench:
    """The stores that are copied and damaged: one that was closed, and one whose server was killed."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch = scratch
        self.seed = seed
        self.closed, self.killed, self.other = (scratch / name for name in ("closed", "killed", "other"))
        self.in_closed = write_store(self.closed)
        self.in_killed = write_store(self.killed, killed=True)
        write_store(self.other)

    def cases(self) -> Iterator[tuple[Damage, Original, Path]]:
        """Yield cases of each kind in turn, and random ones when no others are left."""
        random = Random(self.seed)
        closed: list[list[Damage]] = [
            list(damages.row_damages(self.closed)),
            list(damages.file_damages(self.closed, self.other)),
            list(damages.page_damages(self.closed, self.seed)),
        ]
        killed: list[list[Damage]] = [
            list(damages.log_damages(self.killed)),
            list(damages.index_damages(self.killed)),
        ]
        for kind in (*closed, *killed):
            random.shuffle(kind)
        some = [
            *([(one, self.in_closed, self.closed) for one in kind] for kind in closed),
            *([(one, self.in_killed, self.killed) for one in kind] for kind in killed),
        ]
        for row in zip_longest(*some, islice(self._flips(random), max(map(len, some)))):
            yield from (case for case in row if case is not None)
        yield from self._flips(random)

    def _flips(self, random: Random) -> Iterator[tuple[Damage, Original, Path]]:
        database, log = (
            damages.flips(self.closed, "cache.db", random),
            damages.flips(self.killed, "cache.db-wal", random),
        )
        marker = damages.flips(self.closed, "store.json", random)
        while True:
            for _ in range(8):
                yield next(database), self.in_closed, self.closed
            yield next(log), self.in_killed, self.killed
            yield next(marker), self.in_closed, self.closed

    def inflict(self, one: Damage, original: Original, source: Path) -> str:
        """Damage a copy of ``source``, have it judged, and return the verdict in a word."""
        place = Path(tempfile.mkdtemp(dir=self.scratch))
        try:
            shutil.copytree(source, place / "store")
            one.inflict(place / "store")
            return judge(place / "store", one, original).kind
        finally:
            shutil.rmtree(place)


def write_store(store: Path, *, killed: bool = False) -> Original:
    """Have a server write a store, and end it; return what is in it."""
    with Server("--store", str(store)) as server:
        turns = dict(chain(_talk(server), _others(server)))
        original = Original(contents(server), listed(server), turns)
        if killed:
            server.process.kill()
        else:
            server.end_input()
        server.wait()
    return original


def _talk(server: Server) -> Sequence[tuple[str, object]]:
    """Have one session that has rows of every kind."""
    large = server.session({"text": SPILLED, "for_turn": 1}, {"text": "w ", "repeat": 30}, system_prompt=SPILLED)
    return [
        (large, [_turn(server, large, f"{number} {SPILLED}") for number in range(9)][-1]),
        (attached := _attached(server), _turn(server, attached, "and again")),
    ]


def _attached(server: Server) -> str:
    """Return a session with an attachment that takes several pages."""
    session_id = server.session(model="echo")
    file = {"type": "file", "name": "noise", "data": b64encode(Random(0).randbytes(20_000)).decode()}
    server.call("turn/start", session_id=session_id, prompt=[{"type": "text", "text": "look"}, file])
    return session_id


def _others(server: Server) -> Iterator[tuple[str, object]]:
    created = server.call(
        "session/create", prompt="first", turn_id="0192f3a0-2222-7000-8000-000000000001", model="echo"
    )
    yield created["session_id"], _turn(server, created["session_id"], "second")
    for number in range(SESSIONS - 3):
        session_id = server.session(model="echo", labels={"number": str(number)})
        if number % 3:
            yield session_id, _turn(server, session_id, f"question {number}")


def _turn(server: Server, session_id: str, prompt: str) -> object:
    asked = {"session_id": session_id, "turn_id": new_id(), "prompt": prompt}
    return {"asked": asked, "answer": answer(server, asked)}

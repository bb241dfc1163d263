"""A disk as recorded calls leave it, and what of that a loss of power spares.

What a completed fsync covered is there: a file's content and length by an fsync of the file, a name by one of its
directory. Anything else may be there or not, each write and each name for itself, and of a write each sector.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from random import Random

from attrs import define, field

from tests.faults.recorded_calls import Call

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""


@define(eq=False)
class File:
    """A file: what is durable, and the writes since, as (offset, data); a length alone is (length, None)."""

    durable: bytearray = field(factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(factory=list)
    _position: int = 0

    def change(self, call: Call) -> None:
        """Apply a call on it."""
        if call.name == "lseek":
            self._position = call.at
        elif call.name == "write":
            self.pending.append((self._position, call.data))
            self._position += len(call.data)
        else:
            self.pending.append((call.at, None if call.name == "ftruncate" else call.data))

    def sync(self) -> None:
        """Make everything durable."""
        for at, data in self.pending:
            _apply(self.durable, at, data)
        self.pending.clear()

    def survivor(self, random: Random | None) -> bytes:
        """Return what a loss of power leaves: what is durable and, at ``random``, some of the rest."""
        content = bytearray(self.durable)
        if random is not None:
            share = random.choice([0.2, 0.5, 0.9])
            for at, data in self.pending:
                if data is None or random.random() < 0.5:
                    if random.random() < share:
                        _apply(content, at, data)
                    continue
                for start in range(0, len(data), SECTOR):
                    if random.random() < share:
                        _apply(content, at + start, data[start : start + SECTOR])
        return bytes(content)


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    content.extend(bytes(max(0, at - len(content))))
    if data is None:
        del content[at:]
    else:
        content[at : at + len(data)] = data


@define(eq=False)
class Directory:
    """A directory: the names that are durable, those that are there, and the changes since the last fsync."""

    names: dict[str, File | Directory] = field(factory=dict)
    durable: dict[str, File | Directory] = field(factory=dict)
    pending: list[dict[str, File | Directory | None]] = field(factory=list)

    def change(self, changed: dict[str, File | Directory | None]) -> None:
        """Set names, or remove them (None), together or not at all."""
        self.pending.append(changed)
        _rename(self.names, changed)

    def sync(self) -> None:
        """Make every name durable."""
        self.durable = self.names.copy()
        self.pending.clear()

    def write(self, target: Path, random: Random | None = None) -> None:
        """Write into ``target`` what a loss of power leaves; with ``random``, some of what isn't durable too."""
        target.mkdir(mode=0o700)
        names = self.durable.copy()
        for changed in self.pending if random is not None else ():
            if random is not None and random.random() < 0.5:
                _rename(names, changed)
        for name, found in names.items():
            if isinstance(found, Directory):
                found.write(target / name, random)
            else:
                (target / name).write_bytes(found.survivor(random))


def _rename(names: dict[str, File | Directory], changed: dict[str, File | Directory | None]) -> None:
    for name, found in changed.items():
        if found is None:
            names.pop(name, None)
        else:
            names[name] = found


@define
class RecordedDisk:
    """The directory ``root``, which was there and empty, after the calls that were applied."""

    root: str
    top: Directory = field(factory=Directory)

    def apply(self, call: Call) -> bool:
        """Apply ``call``; return whether it made something durable."""
        if not call.path.startswith(self.root) or call.path.endswith("-shm"):
            return False
        if call.name in {"fsync", "fdatasync"}:
            return self._lose(call.path) if call.failed else self._sync(call.path)
        directory, name = self._place(call.path)
        if call.name == "mkdir":
            directory.change({name: Directory()})
        elif call.name == "unlink":
            directory.change({name: None})
        elif call.name == "rename":
            _, new = self._place(call.data.decode())
            directory.change({name: None, new: directory.names[name]})
        else:
            self._file(directory, name).change(call)
        return False

    def _sync(self, path: str) -> bool:
        if path == self.root:
            self.top.sync()
            return True
        directory, name = self._place(path)
        if (found := directory.names.get(name)) is None:
            return False  # an empty file, of which nothing has been seen yet
        found.sync()
        return True

    def _lose(self, path: str) -> bool:
        """Lose what an fsync that failed should have made durable: the next one says that all is well (fsync(2))."""
        directory, name = self._place(path)
        if isinstance(found := directory.names.get(name), File):
            found.pending.clear()
        return False

    def _place(self, path: str) -> tuple[Directory, str]:
        """Return the directory of ``path``, and its name there."""
        *parents, name = PurePosixPath(path).relative_to(self.root).parts
        directory = self.top
        for parent in parents:
            found = directory.names[parent]
            assert isinstance(found, Directory)
            directory = found
        return directory, name

    @staticmethod
    def _file(directory: Directory, name: str) -> File:
        """Return the file, which is made by its first write: an empty one is no different from none."""
        if name not in directory.names:
            directory.change({name: File()})
        found = directory.names[name]
        assert isinstance(found, File)
        return found

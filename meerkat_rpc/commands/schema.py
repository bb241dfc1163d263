"""``meerkat-rpc schema``: print, write or compare the generated description of the protocol and the configuration."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

HELP = "print the protocol as JSON Schema, OpenRPC or TypeScript; write or check schema/"

_GENERATED_FOLDERS = ("methods", "notifications")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--format",
        choices=["json-schema", "openrpc", "typescript", "config"],
        default="json-schema",
        help="what to print",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--write", metavar="DIR", nargs="?", const="schema", help="write every file below DIR (schema)")
    target.add_argument("--check", metavar="DIR", nargs="?", const="schema", help="compare with the files below DIR")


def run(args: argparse.Namespace) -> int:
    """Do what is asked; return 1 when ``--check`` finds a difference, or when the files can't be written."""
    if args.write is None and args.check is None:
        sys.stdout.write(_printed(args.format))
        return 0
    try:
        return _write(Path(args.write)) if args.write is not None else _check(Path(args.check))
    except OSError as error:
        print(f"meerkat-rpc: {error}", file=sys.stderr)
        return 1


def _printed(form: str) -> str:
    from meerkat_rpc.wire import schema

    match form:
        case "openrpc":
            return schema.files()["openrpc.json"]
        case "typescript":
            return schema.files()["meerkat-rpc.ts"]
        case "config":
            return _files()["config.json"]
        case _:
            return schema.as_text(schema.bundle())


def _files() -> Mapping[str, str]:
    """Return every generated file: the protocol's, and the configuration's."""
    from meerkat_rpc.config_json_schema import config_schema
    from meerkat_rpc.wire import schema

    return {**schema.files(), "config.json": schema.as_text(config_schema())}


def _write(folder: Path) -> int:
    for path, text in _files().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    return 0


def _check(folder: Path) -> int:
    differences = list(_differences(folder, _files()))
    for difference in differences:
        print(difference)
    if differences:
        print(f"The files are generated; mend them with: meerkat-rpc schema --write {folder}")
    return 1 if differences else 0


def _differences(folder: Path, expected: Mapping[str, str]) -> Iterator[str]:
    for path, text in expected.items():
        target = folder / path
        if not target.exists():
            yield f"{target}: missing"
        elif target.read_bytes() != text.encode():
            yield f"{target}: not what the code says"
    # Writing removes nothing, in case the folder is somebody's own.
    for kind in _GENERATED_FOLDERS:
        for target in sorted((folder / kind).glob("*.json")):
            if f"{kind}/{target.name}" not in expected:
                yield f"{target}: nothing generates it any more; delete it"

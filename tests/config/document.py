"""The table of settings in docs/configuration.md, made from the schema: ``python -m tests.config.document``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meerkat_rpc.config_check import shown
from meerkat_rpc.config_keys import Key
from meerkat_rpc.config_kinds import expected
from meerkat_rpc.config_schema import walk

DOCUMENT = Path(__file__).parents[2] / "docs/configuration.md"

BEGIN = "<!-- settings: made by `python -m tests.config.document` -->\n"
END = "<!-- end of settings -->\n"

PROJECTS = {"no": "", "trusted": "trusted", "any": "any"}


def table() -> str:
    """Return the table as it should be."""
    rows = [
        "| setting | | value | default | holds from | in a project's file |",
        "|---|---|---|---|---|---|",
        *_rows(),
    ]
    return "\n".join(rows) + "\n"


def _rows() -> Iterator[str]:
    for keys, node in walk():
        if isinstance(node, Key):
            default = "" if node.default is None else f"`{_toml(node.default)}`"
            live = "next turn" if node.live else "next start"
            cells = (f"`{shown(keys)}`", node.doc, expected(node), default, live, PROJECTS[node.project])
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def written(document: str) -> str:
    """Return ``document`` with the table in its place."""
    before, _begin, rest = document.partition(BEGIN)
    return before + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

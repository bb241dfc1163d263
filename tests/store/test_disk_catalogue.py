"""What the catalogue in memory makes of pages that others change while it reads them."""

from __future__ import annotations

from pathlib import Path

from meerkat_rpc.domain import CatalogueRow
from meerkat_rpc.store.disk_catalogue import Catalogue
from meerkat_rpc.store.disk_parts import open_parts
from tests.store.sessions import new_head


def test_a_session_seen_in_two_pages_is_listed_once_they_were_read_again(tmp_path: Path) -> None:
    rows = open_parts(str(tmp_path / "store")).rows
    catalogue = Catalogue(rows)
    row = CatalogueRow.of(new_head())
    again = row._replace(title="again")
    catalogue.current()
    catalogue._place([(3, row), (40, again)])  # deleted after page 0 was read, and created before page 2 was
    catalogue._place([(3, None), (40, again)])
    assert catalogue._by_id == {row.session_id: again}
    rows.close()

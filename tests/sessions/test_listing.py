"""Listing: newest first, filtered, paged, one row an id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import CatalogueRow
from meerkat_rpc.sessions.listing import NewestFirst, select
from meerkat_rpc.sessions.service import ListQuery
from tests.sessions.services import Services, make, start

Run = Callable[[Any], Any]


def row(number: int, **more: Any) -> CatalogueRow:
    values: dict[str, Any] = {
        "session_id": f"{number:04}",
        "title": None,
        "first_prompt": f"prompt {number}",
        "labels": {},
        "cwd": None,
        "archived": False,
        "created_ms": number,
        "updated_ms": number,
        "message_count": 2,
        "total_tokens": 10,
        "running": None,
    }
    return CatalogueRow(**{**values, **more})


ROWS = NewestFirst(
    [
        row(1, title="Alpha", labels={"team": "a"}),
        row(2, cwd="/x", labels={"team": "a", "kind": "bug"}),
        row(3, archived=True),
        row(4, first_prompt="Größe prüfen"),
        row(5, cwd="/x", first_prompt="\n\n  first line\nsecond"),
    ]
)


def ids(**query: Any) -> list[str]:
    return [summary.session_id for summary in select(ROWS, ListQuery(**query)).sessions]


def test_the_newest_comes_first() -> None:
    assert ids() == ["0005", "0004", "0002", "0001"]


def test_filters_must_all_hold() -> None:
    assert ids(labels={"team": "a"}) == ["0002", "0001"]
    assert ids(labels={"team": "a", "kind": "bug"}) == ["0002"]
    assert ids(cwd="/x") == ["0005", "0002"]
    assert ids(archived=True) == ["0003"]


def test_text_is_found_whatever_the_case() -> None:
    assert ids(query="ALPHA") == ["0001"]
    assert ids(query="GRÖSSE") == ["0004"]
    assert ids(query="SECOND") == ["0005"]
    assert ids(query="nowhere") == []


def test_pages_join_without_gap_or_repeat() -> None:
    rows = NewestFirst([row(number, updated_ms=number // 7) for number in range(100)])
    seen, place = [], None
    while True:
        page = select(rows, ListQuery(limit=9, after=place))
        seen += [summary.session_id for summary in page.sessions]
        assert page.total == 100
        place = page.next
        if place is None:
            break
    assert ids(after=(3, "0003")) == ["0002", "0001"]
    assert ids(after=(0, "")) == []
    assert seen == [row.session_id for row in rows.half(archived=False)]
    assert seen == sorted(seen, reverse=True)


def test_the_title_is_the_first_line_that_says_something() -> None:
    assert select(ROWS, ListQuery()).sessions[0].title == "first line"


def test_a_session_moves_up_when_it_is_used(services: Services, run: Run) -> None:
    async def scenario() -> None:
        async with services.open() as service:
            first, second = await make(service, "first"), await make(service, "second")
            made = now_ms()
            while now_ms() == made:  # noqa: ASYNC110 - a millisecond
                await asyncio.sleep(0)
            await (await start(service, first, "again")).result()
            page = await service.list(ListQuery())
            assert [summary.session_id for summary in page.sessions] == [first, second]
            assert page.total == 2

    run(scenario())

"""What every store promises of attachments' contents and of what waits in a session. See ``store/base.py``."""

from __future__ import annotations

import pytest

from meerkat_rpc.domain import SessionChange
from meerkat_rpc.ids import new_id
from meerkat_rpc.store.base import Store
from tests.store.blobs import attach, attachment, brought, digest_of, waiting
from tests.store.conftest import StoreTest
from tests.store.sessions import add, create, message, new_head, next_head

CONTENTS = [b"", b"x", b"text \n" * 1000, bytes(range(256)) * 10_000]
"""Empty, tiny, one that gets smaller, one of several parts whose last is short."""

MANY = "long " * 5000


@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_a_blob_comes_back_as_it_was(on_store: StoreTest, content: bytes) -> None:
    async def test(store: Store) -> None:
        head = await attach(store, await create(store), content)
        assert await store.blob(digest_of(content)) == content
        assert (await store.messages(head.session_id, 0, 1))[0].attachments == (attachment(content),)

    on_store(test)


def test_an_unknown_blob_is_none(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        await attach(store, await create(store), CONTENTS[-1])
        for digest in [digest_of(b"?"), "", "none", "../x", "\udc00", f"{digest_of(CONTENTS[-1])}/0"]:
            assert await store.blob(digest) is None
        asked = [digest_of(CONTENTS[-1]), digest_of(b"?"), "\udc00"]
        assert await store.known_blobs(asked) == {digest_of(CONTENTS[-1])}

    on_store(test)


def test_a_blob_that_is_there_need_not_be_brought_again(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await attach(store, await create(store), b"x")
        other = await attach(store, await create(store), b"x", bring=False)
        await attach(store, await attach(store, head, b"x"), b"x", bring=False)
        await store.delete(head.session_id)
        assert await store.blob(digest_of(b"x")) == b"x"
        await store.delete(other.session_id)
        assert await store.blob(digest_of(b"x")) is None

    on_store(test)


def test_what_is_neither_there_nor_brought_is_refused(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await create(store)
        with pytest.raises(ValueError, match=digest_of(b"x")):
            await attach(store, head, b"x", bring=False)
        for part in ("queue", "context"):
            with pytest.raises(ValueError, match=digest_of(b"x")):
                await store.commit(SessionChange(next_head(head, **{part: waiting("")[part]})))
        with pytest.raises(ValueError, match="another digest"):
            await store.commit(SessionChange(next_head(head), blobs={digest_of(b"x"): b"y"}))
        assert await store.head(head.session_id) == head
        assert await store.blob(digest_of(b"x")) is None

    on_store(test)


def test_a_blob_goes_with_the_last_session_that_refers_to_it(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        heads = [await attach(store, await create(store), b"x", *CONTENTS[2:]) for _ in range(3)]
        for head in heads:
            assert await store.blob(digest_of(b"x")) == b"x"
            await store.delete(head.session_id)
        await store.tidied()
        assert await store.known_blobs(map(digest_of, CONTENTS)) == set()  # type: ignore[arg-type]
        await attach(store, await create(store), CONTENTS[-1])
        assert await store.blob(digest_of(CONTENTS[-1])) == CONTENTS[-1]

    on_store(test)


def test_what_is_brought_without_a_message_stays_as_long_as_the_session(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = new_head(queue=waiting("")["queue"])
        await store.commit(SessionChange(head, blobs=brought(b"x", b"y")))
        head = next_head(head, queue=())
        await store.commit(SessionChange(head))
        assert await store.known_blobs(brought(b"x", b"y")) == brought(b"x", b"y").keys()
        await store.delete(head.session_id)
        assert await store.known_blobs(brought(b"x", b"y")) == set()

    on_store(test)


def test_a_session_created_anew_under_the_id_has_nothing_of_the_old_ones_blobs(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        head = await attach(store, await create(store), b"x")
        await store.delete(head.session_id)
        again = await attach(store, await create(store, session_id=head.session_id), b"y")
        assert await store.known_blobs(brought(b"x", b"y")) == brought(b"y").keys()
        await store.delete(again.session_id)
        assert await store.known_blobs(brought(b"y")) == set()

    on_store(test)


def test_sessions_share_the_size_of_the_blobs_they_refer_to(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        content = CONTENTS[-1]
        plain = await add(store, await create(store), [message("look")])
        ours = await attach(store, await create(store), content)
        shared = await attach(store, await create(store), content)
        sizes = await store.sizes([head.session_id for head in (plain, ours, shared)])
        assert sizes[plain.session_id] < 2000
        for head in (ours, shared):
            assert len(content) // 2 <= sizes[head.session_id] < len(content) // 2 + 4000
        await store.delete(shared.session_id)
        sizes = await store.sizes([ours.session_id])
        assert len(content) <= sizes[ours.session_id] < len(content) + 4000

    on_store(test)


@pytest.mark.parametrize("text", ["", "x\n", MANY], ids=["empty", "short", "long"])
def test_what_waits_in_a_session_comes_back_as_it_was(on_store: StoreTest, text: str) -> None:
    async def test(store: Store) -> None:
        head = new_head(**waiting(text))
        await store.commit(SessionChange(head, blobs=brought(b"x")))
        assert await store.head(head.session_id) == head
        for part, value in waiting(MANY + text).items():
            head = next_head(head, **{part: value})
            await store.commit(SessionChange(head))
            assert await store.head(head.session_id) == head
        for part in waiting(""):
            head = next_head(head, **{part: getattr(new_head(), part)})
            await store.commit(SessionChange(head))
            assert await store.head(head.session_id) == head

    on_store(test)


def test_messages_of_every_kind_come_back_as_they_were(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        attached = (attachment(b"x"), attachment(b"y", MANY))
        said = [
            message(str(n), kind=("context", "steer", None)[n % 3], attachments=attached[: n % 4]) for n in range(40)
        ]
        head = new_head(message_count=40)
        await store.commit(SessionChange(head, said, blobs=brought(b"x", b"y")))
        head = await add(store, head, said)
        assert await store.messages(head.session_id, 0, 100) == said * 2

    on_store(test)


def test_a_fork_keeps_its_parents_blobs(on_store: StoreTest) -> None:
    async def test(store: Store) -> None:
        parent = await attach(store, await create(store), b"x")
        said = await store.messages(parent.session_id, 0, 1)
        await store.commit(SessionChange(new_head(session_id=new_id(), message_count=1), said))
        await store.delete(parent.session_id)
        assert await store.blob(digest_of(b"x")) == b"x"

    on_store(test)

"""Blob transfers as stories: who is asked for what, and what becomes of each kind of source."""

from collections import Counter
from collections.abc import Callable

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from meshkit.wire.frames import Chunk, Pull
from meshkit.wire.limits import Limits, S
from meshkit.wire.port import Fetched
from meshkit.wire.pulls import Pulls

LIMITS = Limits(
    chunk_bytes=10,
    credit=2,
    credit_all=5,
    transfers=3,
    transfers_bytes=100,
    transfers_waiting=4,
    blob_bytes_max=80,
    pull_ns=1_000,
    pull_bytes_per_s=10 * S // 1_000,
    strikes_max=2,
)
A, B, C = b"a", b"b", b"c"


def blob(size: int, salt: int = 0) -> tuple[bytes, bytes]:
    data = bytes((salt + place * 7) % 251 for place in range(size))
    return blake3(data).digest(), data


@pytest.fixture
def pulls() -> Pulls:
    return Pulls(LIMITS, Counter())


def give(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int = 0) -> None:
    piece = data[pull.offset : pull.offset + pull.length]
    pulls.chunk(source, Chunk(pull.digest, pull.offset, piece), now_ns)


def serve(pulls: Pulls, data: bytes, now_ns: int = 0, turns: int = 100) -> list[bytes]:
    """Answer everything that is asked; returns whom was asked, in order."""
    asked: list[bytes] = []
    for _ in range(turns):
        for source, pull in pulls.plan(now_ns):
            asked.append(source)
            give(pulls, source, pull, data, now_ns)
    return asked


# -- the good case ---------------------------------------------------------------------------------


def test_a_small_blob_is_one_request(pulls: Pulls) -> None:
    digest, data = blob(10)
    pulls.fetch(digest, 10, [A, B])
    assert pulls.plan(0) == [(A, Pull(digest, 0, 10))]
    assert pulls.plan(0) == []
    pulls.chunk(A, Chunk(digest, 0, data), 1)
    assert pulls.done == [Fetched(digest, data)]
    assert not pulls.transfers
    assert not pulls.flying
    assert not pulls.heard_ns


def test_a_credit_bounds_what_is_in_flight(pulls: Pulls) -> None:
    digest, data = blob(45)
    pulls.fetch(digest, 45, [A])
    first = pulls.plan(0)
    assert [pull.offset for _, pull in first] == [0, 10]
    give(pulls, A, first[1][1], data)
    assert [pull.offset for _, pull in pulls.plan(0)] == [20]
    assert pulls.plan(0) == []
    give(pulls, A, first[0][1], data)
    assert [(p.offset, p.length) for _, p in pulls.plan(0)] == [(30, 10)]


def test_transfers_take_turns(pulls: Pulls) -> None:
    digests = [blob(40, salt)[0] for salt in range(2)]
    for digest in digests:
        pulls.fetch(digest, 40, [A])
    assert [pull.digest for _, pull in pulls.plan(0)] == digests


def test_what_is_in_flight_in_all_is_bounded_too(pulls: Pulls) -> None:
    for salt, source in enumerate((A, B, C)):
        pulls.fetch(blob(30, salt)[0], 30, [source])
    assert len(pulls.plan(0)) == 5


def test_nothing_of_nothing_is_there_at_once(pulls: Pulls) -> None:
    pulls.fetch(blake3(b"").digest(), 0, [])
    pulls.fetch(bytes(32), 0, [A])
    assert [fetched.data for fetched in pulls.done] == [b"", None]


def test_wanting_it_again_adds_sources(pulls: Pulls) -> None:
    digest, data = blob(10)
    pulls.fetch(digest, 10, [A])
    pulls.fetch(digest, 10, [A, B])
    assert [source for source, _ in pulls.plan(0)] == [A]
    pulls.fetch(digest, 10, [C])
    pulls.absent(A, digest, 0)
    assert serve(pulls, data) == [B]
    assert len(pulls.done) == 1


# -- bounds ----------------------------------------------------------------------------------------


def test_what_is_too_large_or_nobodys_is_refused(pulls: Pulls) -> None:
    for size, sources in ((81, [A]), (-1, [A]), (10, [])):
        pulls.fetch(bytes([size % 256]) * 32, size, sources)
    assert [fetched.data for fetched in pulls.done] == [None] * 3
    assert [bool(fetched.reason) for fetched in pulls.done] == [True] * 3


def test_few_arrive_at_once_and_the_others_wait(pulls: Pulls) -> None:
    for salt in range(8):
        pulls.fetch(blob(40, salt)[0], 40, [A])
        pulls.plan(0)
    assert len(pulls.transfers) == 2, "three would be more than 100 bytes together"
    assert len(pulls.waiting) == 4
    assert [f.reason for f in pulls.done] == ["too many blobs are waited for"] * 2


def test_those_who_wait_come_next(pulls: Pulls) -> None:
    blobs = dict(blob(40, salt) for salt in range(4))
    for digest in blobs:
        pulls.fetch(digest, 40, [A])
    for _ in range(100):
        for source, pull in pulls.plan(0):
            give(pulls, source, pull, blobs[pull.digest])
    assert {fetched.digest: fetched.data for fetched in pulls.done} == blobs


# -- sources that fail -----------------------------------------------------------------------------


def test_who_does_not_have_it_is_not_asked_again(pulls: Pulls) -> None:
    digest, _ = blob(10)
    pulls.fetch(digest, 10, [A, B])
    pulls.plan(0)
    pulls.absent(B, digest, 0)  # nobody asked it
    pulls.absent(A, digest, 0)
    assert [source for source, _ in pulls.plan(0)] == [B]
    pulls.absent(B, digest, 0)
    assert pulls.done == [Fetched(digest, None, "no source has it", 10)]


def test_a_blob_wanted_in_two_sizes_is_two_transfers(pulls: Pulls) -> None:
    """One of the two is a lie, and must not cost the other one its sources."""
    digest, data = blob(5)
    pulls.fetch(digest, 6, [A, B])
    pulls.fetch(digest, 5, [A, B])
    pulls.fetch(digest, 5, [C])  # more sources of the one that waits
    for source in (A, B):
        [(asked, piece)] = pulls.plan(0)
        assert asked == source
        pulls.chunk(source, Chunk(digest, piece.offset, data[: piece.length]), 0)
    assert pulls.done == [Fetched(digest, None, "no source has it in the size that was said", 6)]
    assert serve(pulls, data) == [A]
    assert pulls.done[1:] == [Fetched(digest, data)]


def test_what_has_come_is_not_fetched_in_another_size(pulls: Pulls) -> None:
    digest, data = blob(5)
    pulls.fetch(digest, 5, [A])
    pulls.fetch(digest, 6, [A])
    assert serve(pulls, data) == [A]
    assert pulls.done == [Fetched(digest, data)]
    assert not pulls.waiting


def test_a_lost_source_is_replaced_where_it_stopped(pulls: Pulls) -> None:
    digest, data = blob(45)
    pulls.fetch(digest, 45, [A, B])
    (_, first), _ = pulls.plan(0)
    give(pulls, A, first, data)
    pulls.lost(A, 0)
    assert serve(pulls, data) == [B] * 4
    assert pulls.done == [Fetched(digest, data)]


def test_a_silent_source_is_replaced_and_tried_once_more(pulls: Pulls) -> None:
    digest, data = blob(10)
    pulls.fetch(digest, 10, [A, B])
    assert pulls.deadline_ns() is None, "nobody has been asked yet"
    asked: list[bytes] = []
    for _ in range(6):
        asked.extend(source for source, _ in pulls.plan(pulls.deadline_ns() or 0))
    assert asked == [A, B, A, B]
    assert pulls.done == [Fetched(digest, None, "no source answered in time", 10)]
    assert pulls.counters["blobs.timeout"] == 4
    pulls.chunk(A, Chunk(digest, 0, data), 0)
    assert pulls.counters["blobs.unasked"] == 1, "too late"


def test_silence_is_measured_from_the_last_piece_of_anything(pulls: Pulls) -> None:
    """On a slow line one transfer waits for the other, which is nobody's fault."""
    one, two = blob(20, 1), blob(20, 2)
    pulls.fetch(one[0], 20, [A])
    pulls.fetch(two[0], 20, [A])
    (_, first), _ = pulls.plan(0)
    give(pulls, A, first, one[1], 900)
    pulls.plan(1_800)
    assert pulls.counters == {}
    pulls.plan(1_900)
    assert pulls.counters == {"blobs.timeout": 2}


def test_a_slow_source_is_given_up_if_there_is_another(pulls: Pulls) -> None:
    digest, data = blob(80)
    pulls.fetch(digest, 80, [A, B])
    asked: list[bytes] = []
    for turn in range(12):
        now_ns = turn * 900  # 11 bytes a microsecond are the least; this is 10 in 0.9
        for source, pull in pulls.plan(now_ns)[:1]:
            asked.append(source)
            give(pulls, source, pull, data, now_ns)
    assert B in asked


def test_a_source_that_cannot_be_reached_yet_is_asked_again(pulls: Pulls) -> None:
    digest, data = blob(10)
    pulls.fetch(digest, 10, [A])
    for now_ns in range(0, 1_000, 100):
        [(source, pull)] = pulls.plan(now_ns)
        pulls.unsent(source, pull)
        pulls.unsent(source, pull)  # twice is once
    assert pulls.deadline_ns() == 1_000
    serve(pulls, data, 999)
    assert pulls.done == [Fetched(digest, data)]


# -- sources that lie ------------------------------------------------------------------------------


def test_a_wrong_size_shows_at_once(pulls: Pulls) -> None:
    digest, data = blob(15)
    pulls.fetch(digest, 15, [A, B])
    pulls.plan(0)
    pulls.chunk(A, Chunk(digest, 10, data[10:] + b"x"), 0)
    assert pulls.counters["blobs.bad"] == 1
    assert serve(pulls, data) == [B, B]
    assert pulls.done == [Fetched(digest, data)]


def test_one_liar_alone_is_out(pulls: Pulls) -> None:
    digest, data = blob(20)
    pulls.fetch(digest, 20, [A, B])
    for source, pull in pulls.plan(0):
        give(pulls, source, pull, bytes(20))
    assert serve(pulls, data) == [B, B]
    assert pulls.done == [Fetched(digest, data)]


def test_a_liar_among_several_is_found_by_asking_each_alone(pulls: Pulls) -> None:
    digest, data = blob(20)
    pulls.fetch(digest, 20, [A, B])
    (_, first), _ = pulls.plan(0)
    give(pulls, A, first, bytes(20))
    pulls.lost(A, 0)
    (source, second), *rest = pulls.plan(0)
    assert (source, rest) == (B, [])
    give(pulls, B, second, data)
    assert not pulls.done, "half of it was A's"
    assert serve(pulls, data) == [B, B]
    assert pulls.done == [Fetched(digest, data)]


def test_when_all_lie_it_ends(pulls: Pulls) -> None:
    digest, _ = blob(20)
    pulls.fetch(digest, 20, [A, B, C])
    serve(pulls, bytes(20))
    assert pulls.done == [Fetched(digest, None, "no source has what the digest names", 20)]
    assert pulls.counters["blobs.bad"] == 3


def test_what_nobody_asked_for_is_dropped(pulls: Pulls) -> None:
    digest, data = blob(20)
    pulls.fetch(digest, 20, [A])
    pulls.plan(0)
    pulls.chunk(B, Chunk(digest, 0, data[:10]), 0)
    pulls.chunk(A, Chunk(digest, 5, data[5:15]), 0)
    pulls.chunk(A, Chunk(bytes(32), 0, b""), 0)
    pulls.absent(A, bytes(32), 0)
    pulls.unsent(A, Pull(bytes(32), 0, 1))
    assert pulls.counters["blobs.unasked"] == 3
    serve(pulls, data, turns=0)
    assert not pulls.done


# -- the law ---------------------------------------------------------------------------------------

Answer = Callable[[Pulls, bytes, Pull, bytes, int], None]


def honest(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    give(pulls, source, pull, data, now_ns)


def lying(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    give(pulls, source, pull, bytes(len(data)), now_ns)


def short(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    give(pulls, source, pull, data[:-1], now_ns)


def absent(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    pulls.absent(source, pull.digest, now_ns)


def silent(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    """Not a word."""


def dying(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    if pull.offset < 20:
        give(pulls, source, pull, data, now_ns)
    else:
        pulls.lost(source, now_ns)


def unreachable(pulls: Pulls, source: bytes, pull: Pull, data: bytes, now_ns: int) -> None:
    pulls.unsent(source, pull)


ANSWERS: list[Answer] = [honest, lying, short, absent, silent, dying, unreachable]


@given(
    st.lists(st.integers(1, 80), min_size=1, max_size=4),
    st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=5),
)
def test_an_honest_source_is_enough(sizes: list[int], answers: list[Answer]) -> None:
    """Whatever the others do, each blob ends once; well, if anyone has it and says so."""
    pulls, now_ns, most = Pulls(LIMITS, Counter()), 0, 0
    blobs = dict(blob(size, salt) for salt, size in enumerate(sizes))
    by_source = {bytes([number]): answer for number, answer in enumerate(answers)}
    for digest, data in blobs.items():
        pulls.fetch(digest, len(data), list(by_source))
    for _ in range(3_000):
        for source, pull in pulls.plan(now_ns):
            by_source[source](pulls, source, pull, blobs[pull.digest], now_ns)
            most = max(most, pulls.flying.total())
            assert all(0 < count <= LIMITS.credit for count in pulls.flying.values())
        now_ns += 50
    assert most <= LIMITS.credit_all
    ended = [fetched.digest for fetched in pulls.done]
    assert sorted(ended) == sorted(blobs)
    for fetched in pulls.done:
        assert fetched.data == (blobs[fetched.digest] if honest in answers else fetched.data)
        assert fetched.data in (None, blobs[fetched.digest])
    assert not pulls.flying
    assert not pulls.turns

"""The log: places, conflicts, hints, and what is forgotten."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.consensus.raft import log as logs
from meshkit.consensus.raft.log import Log
from meshkit.consensus.raft.messages import CONFIG, Configuration, LogEntry
from tests.consensus.raft.playbook import noop, value_entry

terms = st.lists(st.integers(1, 4), max_size=9).map(sorted)


def made(*of_terms: int) -> Log:
    """A log of no-ops of these terms."""
    entries = tuple(noop(term, index) for index, term in enumerate(of_terms, start=1))
    return logs.after(Log(), entries) if entries else Log()


def test_places_and_terms() -> None:
    log = made(1, 1, 2)
    assert (logs.last_index(log), logs.last_term(log)) == (3, 2)
    assert [logs.term_at(log, index) for index in range(5)] == [0, 1, 1, 2, None]
    assert logs.entry_at(log, 3) == noop(2, 3)
    assert logs.span(log, 2, 3) == (noop(1, 2), noop(2, 3))
    assert logs.span(log, 2, 1) == ()
    assert (logs.last_index(Log()), logs.last_term(Log()), logs.last_height(Log())) == (0, 0, 0)


def test_R04_whose_log_is_no_worse() -> None:
    log = made(1, 2, 2)
    assert logs.is_newer(log, 3, 1), "a later term is better, however short"
    assert logs.is_newer(log, 2, 3)
    assert logs.is_newer(log, 2, 4)
    assert not logs.is_newer(log, 2, 2)
    assert not logs.is_newer(log, 1, 9)


@given(terms, terms, st.integers(0, 9))
def test_R06_only_what_differs_is_replaced(ours: list[int], theirs: list[int], from_: int) -> None:
    log = made(*ours)
    sent = tuple(noop(term, index) for index, term in enumerate(theirs, start=1))[from_:]
    new = logs.conflict(log, sent)
    alike = len(sent) - len(new)
    assert all(logs.term_at(log, entry.index) == entry.term for entry in sent[:alike])
    if not new:
        return
    assert logs.term_at(log, new[0].index) != new[0].term
    if new[0].index <= logs.last_index(log) + 1:
        longer = logs.after(log, new)
        assert longer.entries == log.entries[: new[0].index - 1] + new


def test_R06_what_is_compacted_is_alike() -> None:
    log = logs.compacted(made(1, 1, 1), 2)
    assert logs.conflict(log, (noop(1, 1), noop(1, 2), noop(1, 3))) == ()
    assert logs.conflict(log, (noop(1, 2), noop(2, 3))) == (noop(2, 3),)


def test_bytes_and_configurations_are_kept_count_of() -> None:
    configuration = LogEntry(1, 2, CONFIG, 1, Configuration(), b"", 10)
    log = logs.after(Log(), (value_entry(1, 1, 1), configuration, value_entry(1, 3, 2)))
    size = value_entry(1, 1, 1).size
    assert log.size == 2 * size + 10
    assert log.configurations == (2,)
    assert logs.last_height(log) == 2
    shorter = logs.after(log, (noop(2, 2, 1),))
    assert (shorter.size, shorter.configurations) == (size, ())
    assert logs.applied_configuration(log, 2).configurations == ()
    compact = logs.compacted(log, 2)
    assert (compact.size, compact.offset, compact.offset_height) == (size, 2, 1)
    assert logs.compacted(compact, 1) == compact


@given(terms, terms)
def test_R19_a_refusal_costs_a_round_trip_a_term_at_most(
    ours: list[int], theirs: list[int]
) -> None:
    """Leader and follower in turns name the last place that may be alike."""
    leader, follower = made(*ours), made(*theirs)
    place, trips = logs.last_index(leader), 0
    while logs.term_at(follower, place) != logs.term_at(leader, place):
        term = logs.term_at(leader, place)
        assert term is not None
        hint, hint_term = logs.likeness(follower, place, term)
        if hint_term:
            hint, _ = logs.likeness(leader, hint, hint_term)
        assert hint < place
        place, trips = hint, trips + 1
    assert trips <= len({*ours, *theirs}) + 1


def test_R19_where_nothing_is_known_the_hint_has_no_term() -> None:
    log = logs.begun_at(5, 3, 2)
    assert logs.likeness(log, 2, 1) == (2, 0)
    assert logs.likeness(log, 9, 9) == (5, 3)


def test_the_log_is_bounded_by_entries_and_by_bytes() -> None:
    many = made(*[1] * (logs.KEPT_ENTRIES_MAX + logs.SLACK + 1))
    end = logs.last_index(many)
    assert logs.surplus(many, end - 1) == 0
    assert logs.surplus(many, end) == end - logs.KEPT_ENTRIES_MAX
    big = LogEntry(1, 0, 1, 0, None, b"", logs.KEPT_BYTES_MAX // 2)
    entries = tuple(LogEntry(1, n, 1, n, None, b"", big.size) for n in range(1, 5))
    heavy = logs.after(Log(), entries)
    assert logs.surplus(heavy, 0) == 0, "what is not applied stays"
    assert logs.surplus(heavy, 4) == 3
    assert logs.surplus(heavy, 2) == 1, "and so does the last that is"
    quarters = tuple(replace(entry, size=logs.KEPT_BYTES_MAX // 4) for entry in entries)
    more = logs.after(logs.after(Log(), quarters), (replace(quarters[0], index=5),))
    assert logs.surplus(more, 5) == 3, "half of what may be kept is kept"

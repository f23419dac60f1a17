"""Sessions: each request happens once, and what is not known is not claimed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus import sessions
from meshkit.consensus.sessions import (
    EXPIRED,
    FRESH,
    REPEATED,
    STALE,
    Client,
    Done,
    Table,
    Unknown,
)
from meshkit.core.value import canonical, from_canonical


def count(state: int) -> tuple[int, bytes]:
    """A service that counts; it replies with the count."""
    return state + 1, str(state + 1).encode()


def test_R20_a_request_decided_twice_is_executed_once() -> None:
    table, name = sessions.register(Table())
    state, first = sessions.apply(table, name, 1, 0, count)
    again, second = sessions.apply(first.table, name, 1, state, count)
    assert (state, again) == (1, 1)
    assert (first.outcome, second.outcome) == (FRESH, REPEATED)
    assert first.reply == second.reply == b"1"
    assert second.table == first.table


def test_R20_an_older_request_is_not_executed_and_its_reply_is_gone() -> None:
    table, name = sessions.register(Table())
    state, first = sessions.apply(table, name, 2, 0, count)
    state, late = sessions.apply(first.table, name, 1, state, count)
    assert (state, late.outcome, late.reply) == (1, STALE, b"")


def test_R20_who_has_no_session_is_refused() -> None:
    state, refused = sessions.apply(Table(), b"nobody", 1, 0, count)
    assert (state, refused.outcome) == (0, EXPIRED)


def test_R20_names_are_never_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a request of a forgotten session cannot be taken for one of a new session."""
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 4)
    monkeypatch.setattr(sessions, "SLACK", 1)
    table, names = Table(), []
    for _ in range(40):
        table, name = sessions.register(table)
        names.append(name)
        assert len(table.sessions) <= 5
    assert len(set(names)) == 40
    assert sessions.standing(table, names[0], 1) == EXPIRED
    assert sessions.standing(table, names[-1], 1) == FRESH


def test_R20_those_least_lately_used_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 4)
    monkeypatch.setattr(sessions, "SLACK", 1)
    table, busy = sessions.register(Table())
    for number in range(1, 30):
        table, _ = sessions.register(table)
        table = sessions.done(table, busy, number, b"")
    assert busy in table.sessions


def test_P07_members_stay_until_they_are_dismissed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 1)
    monkeypatch.setattr(sessions, "SLACK", 0)
    table = Table()
    for number in range(5):
        table = sessions.admit(table, bytes([number]) * 32)
    assert sessions.admit(table, bytes(32)) == table
    for _ in range(3):
        table, _ = sessions.register(table)
    assert all(bytes([number]) * 32 in table.sessions for number in range(5))
    table = sessions.dismiss(table, bytes(32))
    assert sessions.standing(table, bytes(32), 1) == EXPIRED
    assert sessions.dismiss(table, bytes(32)) == table


requests = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6)), max_size=40)


@given(requests)
def test_R20_the_table_comes_back_from_a_snapshot_and_goes_on_alike(
    asked: list[tuple[int, int]],
) -> None:
    table, names = Table(), []
    for _ in range(4):
        table, name = sessions.register(table)
        names.append(name)
    live, state = table, 0
    for who, sequence in asked:
        restored = from_canonical(Table, canonical(live))
        assert restored == live
        after, applied = sessions.apply(restored, names[who], sequence, state, count)
        state, same = sessions.apply(live, names[who], sequence, state, count)
        assert (after, applied) == (state, same)
        live = same.table
    executed = {(who, n) for k, (who, n) in enumerate(asked) if is_first(asked, k)}
    assert state == len(executed)


def is_first(asked: list[tuple[int, int]], place: int) -> bool:
    who, sequence = asked[place]
    return all(n < sequence for other, n in asked[:place] if other == who)


# -- the client's side -----------------------------------------------------------------------------


def test_R20_a_reply_makes_an_outcome_known() -> None:
    client = sessions.request(Client(b"me"))
    assert client.sequence == 1
    client, outcome = sessions.heard(client, 1, FRESH, b"r")
    assert outcome == Done(1, b"r")
    assert sessions.heard(client, 1, FRESH, b"r") == (client, None)
    client = sessions.request(client)
    assert sessions.heard(client, 1, REPEATED, b"r") == (client, None), "of the one before"
    client, outcome = sessions.heard(client, 2, REPEATED, b"s")
    assert outcome == Done(2, b"s")


@pytest.mark.parametrize("told", [STALE, EXPIRED])
def test_R20_what_is_not_known_is_reported_as_unknown(told: str) -> None:
    client = sessions.request(Client(b"me"))
    assert sessions.heard(client, 1, told, b"")[1] == Unknown(1)


def test_R20_a_request_that_is_given_up_is_unknown_and_the_next_has_another_number() -> None:
    client = sessions.request(Client(b"me"))
    client, outcome = sessions.give_up(client)
    assert outcome == Unknown(1)
    assert sessions.give_up(client) == (client, None)
    assert sessions.request(client).sequence == 2


def test_one_request_at_a_time_and_no_name_of_eight_bytes() -> None:
    with pytest.raises(AssertionError):
        sessions.request(sessions.request(Client(b"me")))
    with pytest.raises(AssertionError):
        sessions.admit(Table(), b"8 bytes!")
    table, name = sessions.register(Table())
    with pytest.raises(AssertionError):
        sessions.done(table, name, 1, bytes(sessions.REPLY_BYTES_MAX + 1))

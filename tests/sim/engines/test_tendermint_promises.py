"""Each promise of Tendermint can be broken, and is then named; and a right state breaks none."""

from typing import Any

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Validator
from meshkit.consensus.quorum import Tally, count, show
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    HeightBegun,
    Proposal,
    RoundStarted,
    Vote,
)
from meshkit.consensus.tendermint.state import Round, State, slot
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.sim.check import Broken
from meshkit.sim.engines.replica import Replica
from meshkit.sim.engines.service import CallBatch
from meshkit.sim.engines.tendermint_promises import ROUNDS_HELD_MAX, Promises
from tests.sim.engines.grounds import world

VALUE = CallBatch(1, b"", ())
V, W = b"v" * 32, b"w" * 32


def somebody() -> Replica:
    return world().replicas[0]


ME = somebody()
IDS = [replica.me for replica in ME.world.replicas]


def told(promises: Promises, *events: HeightBegun | RoundStarted) -> None:
    bodies = tuple([At("consensus", event) for event in events])
    promises.look(ME, Entry(Moment(0, 0), At("consensus", Wake()), bodies))


def tally(kind: int, number: int, *names: bytes) -> Tally:
    """The votes of the first so many, one after another."""
    counted = Tally()
    for voter, name in zip(IDS, names, strict=False):
        counted = count(counted, voter, name, Vote(kind, 1, number, name, voter), 1, 3)
    return counted


def prevotes(number: int, *names: bytes) -> Round:
    return Round(said(number), prevotes=tally(PREVOTE, number, *names))


def said(number: int, vouched: int = -1) -> Proposal:
    return Proposal(1, number, vouched, V, IDS[1])


def at(number: int = 1, **more: Any) -> State:
    """In this round, with nothing heard of it."""
    state = State(
        height=1,
        validators=tuple([Validator(id_, 1) for id_ in IDS]),
        round=number,
        proposer=IDS[1],
        values=Map({V: VALUE}),
        judged=Map({V: True}),
    )
    return replace(state, **more)


def cast(kind: int, name: bytes, number: int = 1) -> Map[int, bytes]:
    return Map({slot(number, kind): name})


def rounds(*known: tuple[int, Round]) -> Map[int, Round]:
    return Map(known)


CHOSEN = Round(precommits=tally(PRECOMMIT, 0, V, V, V))
POLKA = prevotes(0, V, V, V)
SPLIT = Round(precommits=tally(PRECOMMIT, 1, V, W, NIL))
FAULTS = [
    ("line 49", at(rounds=rounds((0, CHOSEN)))),
    ("line 55: more", at(rounds=rounds((2, prevotes(2, V, W))))),
    ("T14", at(rounds=Map({n: Round() for n in range(ROUNDS_HELD_MAX + 1)}))),
    ("line 36", at(step=PRECOMMIT, cast=cast(PRECOMMIT, V), locked_id=V)),
    (
        "line 28: it prevoted",
        at(
            step=PREVOTE,
            cast=cast(PREVOTE, V),
            rounds=rounds((0, prevotes(0, V, V)), (1, Round(said(1, 0)))),
        ),
    ),
    (
        "line 23",
        at(
            step=PREVOTE,
            cast=cast(PREVOTE, V),
            locked_round=0,
            locked_id=W,
            rounds=rounds((1, Round(said(1)))),
        ),
    ),
    (
        "line 38",
        at(step=PRECOMMIT, cast=cast(PRECOMMIT, V), rounds=rounds((1, prevotes(1, V, V, V)))),
    ),
    ("line 42", at(step=PREVOTE, rounds=rounds((1, prevotes(1, V, V, V))))),
    ("lines 22, 28", at(rounds=rounds((1, Round(said(1)))))),
    ("lines 22, 28", at(valid_round=0, rounds=rounds((0, POLKA), (1, Round(said(1, 0)))))),
    ("line 14", at(proposer=IDS[0])),
    ("line 44", at(step=PREVOTE, rounds=rounds((1, prevotes(1, NIL, NIL, NIL))))),
    ("line 34", at(step=PREVOTE, rounds=rounds((1, prevotes(1, V, W, NIL))))),
    ("line 47", at(step=PRECOMMIT, rounds=rounds((1, SPLIT)))),
]


@pytest.mark.parametrize(("words", "state"), FAULTS, ids=[words for words, _ in FAULTS])
def test_t2_what_does_not_hold_at_rest_is_named(words: str, state: State) -> None:
    with pytest.raises(Broken, match=words):
        Promises().rest(ME, state)


def test_a_state_in_order_breaks_nothing() -> None:
    shown = show(tally(PREVOTE, 1, V, V), V, tuple([Vote(PREVOTE, 1, 1, V, id_) for id_ in IDS]))
    locked = at(
        step=PRECOMMIT,
        cast=Map({slot(1, PREVOTE): V, slot(1, PRECOMMIT): V}),
        locked_round=1,
        locked_id=V,
        valid_round=1,
        rounds=rounds((1, Round(said(1), shown))),
    )
    unproved = at(rounds=rounds((1, Round(said(1, 0)))))
    for state in (State(), at(-1), at(decided=True), unproved, locked):
        Promises().rest(ME, state)


def test_t8_a_lock_is_kept_through_its_height_but_not_into_another_life() -> None:
    promises = Promises()
    promises.rest(ME, at(locked_round=0, locked_id=W))
    with pytest.raises(Broken, match="T8: its lock is gone"):
        promises.rest(ME, at())
    promises.began(ME)
    promises.rest(ME, at())


def test_t6_no_round_is_skipped_to_that_too_few_have_reached() -> None:
    promises = Promises()
    promises.began(ME)
    told(promises, HeightBegun(1, (), 0), RoundStarted(1, 0, 0, 0), RoundStarted(1, 5, 0, 0))
    promises.rest(ME, at(5, step=PREVOTE, rounds=rounds((5, prevotes(5, V, V)))))
    told(promises, RoundStarted(1, 6, 0, 0))
    promises.rest(ME, at(6, step=PREVOTE, rounds=rounds((6, prevotes(6, V)))))
    told(promises, RoundStarted(1, 9, 0, 0))
    with pytest.raises(Broken, match="line 55: too few"):
        promises.rest(ME, at(9, step=PREVOTE, rounds=rounds((9, prevotes(9, V)))))


def test_t10_all_know_one_proposer() -> None:
    promises = Promises()
    promises.rest(ME, at())
    with pytest.raises(Broken, match="T10"):
        promises.rest(ME, at(proposer=IDS[2]))

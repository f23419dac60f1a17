"""Each promise of PBFT can be broken, and is then named; and a right state breaks none."""

from typing import Any

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.messages import Validator
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PreparedProof,
    PrePrepare,
    ViewChange,
)
from meshkit.consensus.pbft.state import Slot, State
from meshkit.consensus.quorum import Tally, count
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.core.value import Value
from meshkit.sim.check import Broken
from meshkit.sim.engines import KITS
from meshkit.sim.engines.pbft_promises import Promises
from meshkit.sim.engines.service import CallBatch
from tests.sim.engines.grounds import world

VALUE = CallBatch(1, b"", ())
V, W = b"v" * 32, b"w" * 32
WORLD = world(kit=KITS["pbft"])
IDS = WORLD.ids  # sorted, as the primaries take their turns
(ME,) = [replica for replica in WORLD.replicas if replica.me == IDS[1]]


def assigned(view: int = 0, value_id: bytes = V, by: int = 0, height: int = 1) -> PrePrepare:
    return PrePrepare(view, height, value_id, IDS[by])


def votes(kind: type[Prepare] | type[Commit], *by: int, name: bytes = V) -> Tally:
    counted = Tally()
    for number in by:
        vote = kind(0, 1, name, IDS[number])
        counted = count(counted, IDS[number], name, vote, 1, 3)
    return counted


def slot(**more: Any) -> Slot:
    return replace(Slot(assigned(), votes(Prepare, 1, 2)), **more)


def at(**more: Any) -> State:
    """At the first height, in the first view."""
    state = State(
        height=1,
        validators=tuple([Validator(id_, 1) for id_ in IDS]),
        since=1,
        every=4,
        values=Map({V: VALUE}),
        judged=Map({V: True}),
    )
    return replace(state, **more)


def proof(*by: int, said: PrePrepare | None = None, of: bytes = V) -> PreparedProof:
    return PreparedProof(
        said or assigned(), tuple([Prepare(0, 1, of, IDS[number]) for number in by])
    )


def change(by: int, *prepared: PreparedProof, view: int = 1, **more: Any) -> ViewChange:
    return replace(ViewChange(1, view, 0, (), prepared, IDS[by]), **more)


def stable(height: int, *by: int, names: bytes = b"cccc") -> tuple[Checkpoint, ...]:
    return tuple([Checkpoint(height, bytes([names[n]]), IDS[n]) for n in by])


def begun(*changes: ViewChange, chosen: tuple[PrePrepare, ...] = (), **more: Any) -> NewView:
    return replace(NewView(1, 1, changes, chosen, (), IDS[1]), **more)


PREPARED = slot(prepared_id=V, committed_id=V)
FULL = (change(0), change(1), change(2, proof(1, 2)))
AGAIN = (assigned(1, V, 1),)
HIGH = change(0, stable=4, checkpoints=stable(4, 0, 1, 2))
AFTER = proof(1, 2)
LATE = PreparedProof(assigned(0, V, 0, 7), tuple([Prepare(0, 7, V, IDS[n]) for n in (1, 2)]))
BAD_PROOFS = {
    "too few": proof(1),
    "one twice": proof(1, 1),
    "the primary": proof(0, 1),
    "a stranger": PreparedProof(assigned(), (*proof(1, 2).prepares, Prepare(0, 1, V, b"x"))),
    "another value": proof(1, 2, of=W),
    "not the primary's": proof(2, 3, said=assigned(by=1)),
    "nothing": proof(1, 2, said=assigned(value_id=b""), of=b""),
}
FAULTS: list[tuple[str, State]] = [
    ("P5: it has not decided", at(slot=slot(commits=votes(Commit, 0, 1, 2)))),
    ("P12: it has not joined", at(changes=Map({c.voter: c for c in (change(2), change(3))}))),
    ("P3: it accepted what", at(slot=Slot(assigned(by=2)))),
    ("P3: it prepared", at(slot=slot(prepared_id=W))),
    ("P4: it committed", at(slot=slot(prepares=votes(Prepare, 0, 1), committed_id=V))),
    ("P4: it committed", at(slot=Slot(committed_id=V))),
    ("P13", at(active=False, slot=Slot(commits=votes(Commit, 0)))),
    ("P9: it took", at(active=False, view=1, changes=Map({IDS[0]: change(0, proof(1))}))),
    (
        "P9: it took",
        at(view=2, changes=Map({IDS[0]: change(0, stable=4, checkpoints=stable(4, 0))})),
    ),
    ("P8", at(stable=4, proof=stable(4, 0, 1))),
    ("P8", at(stable=4, proof=stable(4, 0, 1, 2, names=b"ccdd"))),
    ("P8", at(stable=8, proof=stable(4, 0, 1, 2))),
    ("P12: no timer", at(active=False, view=1, changes=Map({c.voter: c for c in FULL}))),
    (
        "P10: it does not begin",
        at(active=False, view=1, timer_due_ns=9, changes=Map({c.voter: c for c in FULL})),
    ),
    ("P4: it has not prepared", at(slot=Slot(assigned()))),
    ("P5: it has not committed", at(slot=slot(prepared_id=V))),
    ("P9: its view rests", at(view=1, new_view=begun(*FULL[:2], change(2, proof(1))))),
    ("P9: its view rests", at(view=1, new_view=begun(*FULL[:2], change(2, view=2)))),
    ("P10: its view rests", at(view=1, new_view=begun(*FULL[:2], chosen=AGAIN))),
    ("P10: its view rests", at(view=1, new_view=begun(*FULL[:2], FULL[1], chosen=AGAIN))),
    ("P10: its view begins with other values", at(view=1, new_view=begun(*FULL))),
    (
        "P10: its view begins with somebody",
        at(view=1, new_view=begun(*FULL, chosen=(assigned(1, V, 2),))),
    ),
    (
        "P10: its view begins with other nulls",
        at(view=1, new_view=begun(*FULL[:2], change(2), nulls=(1,))),
    ),
    *[
        (f"P9: it holds for prepared|{why}", at(prepared=Map({1: bad})))
        for why, bad in BAD_PROOFS.items()
    ],
]


@pytest.mark.parametrize(("words", "state"), FAULTS, ids=[words for words, _ in FAULTS])
def test_what_does_not_hold_at_rest_is_named(words: str, state: State) -> None:
    with pytest.raises(Broken, match=words.partition("|")[0]):
        Promises().rest(ME, state)


def test_a_state_in_order_breaks_nothing() -> None:
    new_view = begun(HIGH, change(1), change(2, AFTER, LATE), nulls=(5, 6))
    late = replace(new_view, chosen=(assigned(1, V, 1, 7),))
    for state in (
        State(),
        at(),
        at(decided=True),
        at(slot=PREPARED, prepared=Map({1: proof(1, 2)})),
        at(height=9),
        at(validators=(Validator(IDS[0], 1),)),
        at(active=False, view=1, changes=Map({IDS[0]: change(0)})),
        at(view=1, new_view=begun(*FULL, chosen=AGAIN), slot=Slot(assigned(1, W, 1))),
        at(view=1, new_view=late, stable=4, proof=stable(4, 0, 1, 2)),
    ):
        Promises().rest(ME, state)


def test_p14_neither_heights_nor_views_begin_again_unless_a_life_does() -> None:
    promises = Promises()
    promises.rest(ME, at(height=3, view=1))
    with pytest.raises(Broken, match="P14: its heights"):
        promises.rest(ME, at(height=2, view=1))
    promises.began(ME)
    promises.rest(ME, at(height=2, view=1))
    with pytest.raises(Broken, match="P14: its views"):
        promises.rest(ME, at(height=2))


def test_p3_what_was_accepted_once_is_accepted_in_the_next_life_too() -> None:
    promises = Promises()
    promises.rest(ME, at(slot=slot(prepared_id=V, committed_id=V)))
    promises.began(ME)
    with pytest.raises(Broken, match="P3: it accepted two"):
        promises.rest(ME, at(slot=Slot(assigned(value_id=W))))


def test_a_view_is_looked_into_once() -> None:
    promises, state = Promises(), at(view=1, new_view=begun(*FULL, chosen=AGAIN))
    promises.rest(ME, state)
    promises.rest(ME, state)
    nothing: Value = Wake()
    promises.look(ME, Entry(Moment(0, 0), nothing, ()))

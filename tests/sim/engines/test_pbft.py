"""PBFT's kit: each liar lies, the honest get on with it, and its rare states have their names."""

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Certificate, Committed, Decided
from meshkit.consensus.pbft.messages import (
    Commit,
    NewView,
    PrePrepare,
    ValueJudged,
    ViewChange,
    ViewEntered,
)
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment, Wake
from meshkit.core.value import Value
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines import KITS, pbft
from meshkit.sim.engines.client import Habits
from meshkit.sim.engines.pbft import LIES, SplitPrimary, Usurper
from meshkit.sim.engines.service import CallBatch
from meshkit.sim.voice import signature
from tests.sim.engines.grounds import QUIET, lying, tried, world

KIT = KITS["pbft"]
BUSY = replace(QUIET, clients=4, commands=1_200, habits=Habits(attempts=40, think_ns=1_000_000))


@pytest.mark.parametrize("name", sorted(LIES))
def test_one_liar_of_four_is_borne(name: str) -> None:
    for liar in (0, 3):
        done = tried(1, replace(lying(name, ground=BUSY), liars=((liar, (name,)),)), KIT)
        assert done._height(done.world.replicas)[0] > 3


class Listener(SplitPrimary):
    """Writes down what its hearers are told."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[Value] = []

    def say(self, to: bytes, message: Value) -> list[Value]:
        lies = list(super().say(to, message))
        self.words += lies
        return lies


def test_a_split_primary_assigns_two_values_and_commits_to_both() -> None:
    tongue = Listener()
    made = world(tongue, KIT)
    for client in made.clients:
        client.resting = False
        client.begin()
    made.replicas[0].crash("a view change, until the liar is the primary")
    made.agenda.run(made.agenda.now_ns + 60 * SECOND)
    values: dict[tuple[int, int], set[bytes]] = {}
    for word in tongue.words:
        if isinstance(word, PrePrepare) and isinstance(word.value, CallBatch):
            values.setdefault((word.view, word.height), set()).add(word.value_id)
    assert max(len(ids) for ids in values.values()) == 2


def test_whatever_a_usurper_changes_is_signed_and_otherwise() -> None:
    tongue = Usurper()
    made = world(tongue, KIT)
    me = tongue.me
    change = tongue.signed(ViewChange(1, 1, 0, (), (), me))
    said = NewView(1, 1, (change,), (), (), me)
    lies = [one for _ in range(40) for one in tongue.say(made.replicas[0].me, said)]
    assert {bool(lie.chosen) for lie in lies if isinstance(lie, NewView)} == {False, True}
    assert all(made.is_authentic(lie) for lie in lies)
    assert list(tongue.say(b"", change)) == [change]


def test_what_a_new_primary_chose_is_signed_inside_before_the_whole() -> None:
    made = world(kit=KIT)
    replica = made.replicas[0]
    chosen = PrePrepare(1, 1, b"v" * 32, replica.me)
    signed, _ = replica.performer._voice.say(NewView(1, 1, (), (chosen,), (), replica.me), 1, 0)
    assert isinstance(signed, NewView)
    assert signature(signed)
    assert signature(signed.chosen[0])
    assert made.is_authentic(signed)


def rare(message: Any, *events: Any) -> list[str]:
    command = At("", Wake()) if message is None else At("", Heard(b"", message))
    entry = Entry(Moment(1, 1), command, tuple(At("consensus", event) for event in events))
    return list(pbft.rare(world(kit=KIT).replicas[0], entry))


def test_rare_states_have_names() -> None:
    value = CallBatch(1, b"", ())
    late = Certificate(1, 3, b"", ())
    assert rare(None, Decided(replace(late, round=0), value)) == []
    assert rare(Committed(late, value), Decided(late, value)) == [
        pbft.CAUGHT_UP, pbft.LATER_VIEW, pbft.MUCH_LATER,
    ]  # fmt: skip
    plain = NewView(1, 1, (), (), (), b"")
    bound = replace(plain, chosen=(PrePrepare(1, 1, b"", b""),))
    assert rare(None, ViewEntered(plain, 1), ValueJudged(1, b"", True)) == []
    assert rare(None, ViewEntered(bound, 1)) == [pbft.BOUND]
    assert rare(None, ValueJudged(1, b"", False)) == [pbft.BAD_VALUE]
    assert len(set(KIT.sometimes)) == len(KIT.sometimes)
    assert isinstance(Commit(1, 1, b"", b""), Value)

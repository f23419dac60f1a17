"""Lies that no engine is needed for."""

from typing import Any

from msgspec.structs import replace

from meshkit.consensus.tendermint.messages import PREVOTE, Vote
from meshkit.core.value import Value
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines.service import BATCH_MAX, GET, Answer, Call, CallBatch, is_proper
from meshkit.sim.engines.tongues import Batches, FalseAnswers, Foreigner, Slow
from meshkit.sim.liars import Tongue
from tests.sim.engines.grounds import world

ANN = b"a" * 32


def bound(tongue: Tongue) -> Any:
    """The tongue of the last of four replicas."""
    world(tongue)
    return tongue


def said(tongue: Tongue, message: Value, to: bytes = ANN) -> list[Value]:
    return list(tongue.say(to, message))


def test_a_client_is_told_something_else_and_nobody_else_is() -> None:
    tongue = bound(FalseAnswers())
    assert said(tongue, Answer(ANN, 1, 5)) == [Answer(ANN, 1, 6)]
    call = Call(ANN, 1, GET, 0)
    assert said(tongue, call) == [call]


def test_what_is_said_late_is_said_all_the_same() -> None:
    tongue = bound(Slow())
    call = Call(ANN, 1, GET, 0)
    tongue.kept = []
    assert said(tongue, call) == said(tongue, Answer(ANN, 1, 5)) == []
    assert list(tongue.stir()) == []
    tongue.process.mesh.agenda.now_ns += SECOND
    assert list(tongue.stir()) == [(ANN, call)]
    assert list(tongue.stir()) == []


def test_what_is_signed_for_another_mesh_no_door_lets_in() -> None:
    tongue = bound(Foreigner())
    vote = tongue.signed(Vote(PREVOTE, 1, 0, b"", tongue.me))
    foreign = [lie for _ in range(200) for lie in said(tongue, vote) if lie != vote]
    assert foreign
    assert tongue.process.mesh.is_authentic(vote)
    assert not any(tongue.process.mesh.is_authentic(lie) for lie in foreign)
    for other in (Answer(ANN, 1, 1), replace(vote, voter=ANN)):
        assert said(tongue, other) == [other]


def test_another_batch_is_as_good_and_a_wrong_one_is_not() -> None:
    tongue = bound(Batches())
    books = tongue.state["service"].books
    empty = CallBatch(1, b"", ())
    assert tongue.another(empty) == empty
    for number in range(1, 30):
        calls = tuple(Call(bytes([n]) * 32, number, GET, 0) for n in range(number % 4 + 1))
        batch = CallBatch(1, b"", calls)
        other = tongue.another(batch)
        assert other != batch
        assert len(other.calls) <= BATCH_MAX
        assert is_proper(books, other)
        assert not is_proper(books, tongue.wrong(batch, number))

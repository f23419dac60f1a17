"""Each promise can be broken, and is then named: the checker is not blind."""

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Certificate, Decided, EquivocationSeen
from meshkit.consensus.tendermint.messages import PREVOTE, Vote
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Wake
from meshkit.core.value import digest
from meshkit.sim import check as nodes
from meshkit.sim.check import Broken
from meshkit.sim.engines import check
from meshkit.sim.engines.check import UNDECIDED, Examiner, Ledger, Witness, mark_of
from meshkit.sim.engines.client import Asked
from meshkit.sim.engines.service import (
    ADD,
    GET,
    PUT,
    SEAT,
    SWAP,
    Books,
    Call,
    CallBatch,
    settle,
)
from meshkit.sim.engines.world import World
from meshkit.sim.linearizable import Operation, TooHard
from tests.sim.engines.grounds import called, world

ANN, BOB = b"a" * 32, b"b" * 32


def examined() -> tuple[World, Examiner]:
    """Two calls decided, nothing wrong."""
    examiner = Examiner(0b1111)
    made = world(watch=examiner)
    assert called(made, Asked(ADD, 0, 1, 0), Asked(ADD, 0, 1, 0)) == [1, 2]
    return made, examiner


def shown(made: World, examiner: Examiner, *events: Any) -> None:
    """The first replica's journal holds these events, too."""
    entry = Entry(Moment(0, 0), At("", Wake()), tuple(At("consensus", event) for event in events))
    examiner.look(made.replicas[0], 99, entry)


def decided(height: int, previous: bytes, **more: Any) -> Decided:
    value = CallBatch(height, previous, (Call(ANN, 1, GET, 0),))
    proof = Certificate(height, 0, digest(value), ())
    return Decided(replace(proof, **more), value)


def test_two_readings_of_the_same_history_agree() -> None:
    """The service and the checker's own ledger, over every kind of call."""
    ledger, books = Ledger(0b11), Books(seated=0b11, clerk=ANN)
    calls = (
        Call(ANN, 1, PUT, 0, 5), Call(BOB, 1, GET, 0), Call(ANN, 2, ADD, 0, 2),
        Call(ANN, 2, ADD, 0, 2), Call(BOB, 2, SWAP, 0, 7, 9), Call(BOB, 3, SWAP, 0, 7, 1),
        Call(ANN, 3, SEAT, -1, 0b01), Call(ANN, 4, ADD, 0, -9), Call(BOB, 4, PUT, 1, 0),
    )  # fmt: skip
    for call in calls:
        batch = CallBatch(books.height + 1, books.previous, (call,))
        books = settle(books, batch)
        ledger.apply(digest(batch), batch)
        assert ledger.marks[-1] == mark_of(books)
    assert ledger.seatings[-1] == 0b01
    assert ledger.results[ANN, 2] == 7
    assert ledger.results[BOB, 3] == 9


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"value_id": b"other"}, "another value than was proved"),
        ({}, "decided by too few"),
    ],
)
def test_a_decision_is_looked_into(more: dict[str, Any], words: str) -> None:
    made, examiner = examined()
    event = decided(3, examiner.ledger.values[-1], **more)
    with pytest.raises(Broken, match=words):
        shown(made, examiner, event)


def test_heights_are_decided_in_order() -> None:
    made, examiner = examined()
    with pytest.raises(Broken, match="it decided 9 out of order"):
        shown(made, examiner, decided(9, examiner.ledger.values[-1]))


def test_a_value_follows_the_one_before() -> None:
    made, examiner = examined()
    with pytest.raises(Broken, match="does not follow"):
        shown(made, examiner, decided(3, b"elsewhere"))


def test_d10_there_is_one_history() -> None:
    made, examiner = examined()
    examiner._lives[0].height = 1
    with pytest.raises(Broken, match="a second value was decided at height 2"):
        shown(made, examiner, decided(2, examiner.ledger.values[0]))


def test_nobody_honest_is_blamed_or_says_two_things() -> None:
    made, examiner = examined()
    first = Vote(PREVOTE, 1, 0, b"x", made.replicas[1].me)
    second = replace(first, value_id=b"y")
    with pytest.raises(Broken, match="somebody honest was blamed"):
        shown(made, examiner, EquivocationSeen(first.voter, first, second))
    shown(made, examiner, EquivocationSeen(b"stranger", first, second))
    place = replace(first, height=77)
    examiner.signed(made.replicas[1], place)
    examiner.signed(made.replicas[1], replace(place, signature=b"again"))
    examiner.signed(made.replicas[1], Call(ANN, 1, GET, 0))
    with pytest.raises(Broken, match="it signed two things"):
        examiner.signed(made.replicas[1], replace(place, value_id=b"z"))


def test_what_a_client_is_told_is_what_came_of_its_call() -> None:
    made, examiner = examined()
    client = made.clients[1]
    call = Call(client.me, 1, ADD, 0, 1)
    examiner.answered(client, call, 1)
    with pytest.raises(Broken, match=r"was told 7 .* it was 1"):
        examiner.answered(client, call, 7)


def test_what_is_replicated_is_what_the_history_makes_of_it() -> None:
    made, examiner = examined()
    examiner.ledger.marks[-1] = b"other"
    with pytest.raises(Broken, match="its registers are wrong at height 2"):
        examiner.arrived(made.replicas[0])


def test_a_life_begins_where_the_one_before_ended() -> None:
    made, examiner = examined()
    victim = made.replicas[0]
    victim.crash("test")
    life = examiner._lives[0]
    index, height = life.index, life.height
    for name, spoilt, words in (
        ("index", 10**6, "it lost entries"),
        ("height", 10**6, "it lost a decided value"),
        ("state", {}, "it came back in another state"),
    ):
        setattr(life, name, spoilt)
        with pytest.raises(Broken, match=words):
            examiner.began(victim)
        life.index, life.height = index, height


def test_what_nobody_saw_written_is_seen_when_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made, examiner = examined()
    examiner._lives[0].height = 1
    made.replicas[0].crash("test")
    made.replicas[0].start()
    assert examiner._lives[0].height == 2


def test_a_journal_leads_to_the_same_state_again() -> None:
    made, examiner = examined()
    for replica in made.replicas:
        replica.disk.entries.pop()
    with pytest.raises(Broken, match="does not lead to its state again"):
        examiner.finish()


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    _, examiner = examined()
    monkeypatch.setattr(check, "STATE_BYTES_MAX", 10)
    assert nodes.STATE_BYTES_MAX > 10
    with pytest.raises(Broken, match="its state has"):
        examiner.finish()


def test_d15_what_clients_saw_has_an_order() -> None:
    made, examiner = examined()
    examiner.finish()
    stale = Operation(made.stamp(), made.stamp(), Asked(GET, 0, 0, 0), 1)
    made.clients[0].history.append(stale)
    with pytest.raises(Broken, match="what clients saw of register 0 has no order"):
        examiner._explain()


def test_what_is_too_hard_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    _, examiner = examined()

    def search(*_: object) -> bool:
        raise TooHard("steps")

    monkeypatch.setattr(check, "is_linearizable", search)
    examiner.finish()
    assert examiner.counts[UNDECIDED] == 1


def test_a_witness_minds_nothing_and_comes_to_the_same_digest() -> None:
    witness, examiner = Witness(), Examiner(0b1111)
    for watch in (witness, examiner):
        called(world(watch=watch), Asked(ADD, 0, 1, 0))
        watch.close()
    assert witness.digest.digest() == examiner.digest.digest()
    assert witness.entries == examiner.entries > 0

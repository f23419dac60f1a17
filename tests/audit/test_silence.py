"""Whoever should have been heard of, and was not."""

from msgspec.structs import replace

from meshkit.audit.places import Place
from meshkit.audit.silence import Ends, Heard, Turns, silences
from meshkit.rounds.messages import Holder, Open, Spec

ANN, BEN, CEM = (bytes([n]) * 32 for n in range(3))
ALL = (ANN, BEN, CEM)
SPEC = Spec("m:a", "{}", 0, 2_500, 1, 8, 16, 12, "fedavg", 0, 100, 1000, 1000, 1000)
OPENED = Open(
    b"t" * 32, 0, SPEC, b"b" * 32, b"s" * 32, ALL, tuple(Holder(id_, 1) for id_ in ALL), ALL, 2, 500
)
KINDS = ("update", "list", "vote")


AT = {id_: Place(id_, 7, 1) for id_ in ALL}  # where a journal comes to the round's end


def heard(*who: bytes, by: bytes = ANN) -> list[Heard]:
    return [Heard(kind, one, by) for one in who for kind in KINDS]


def told(
    said: list[Heard], turns: tuple[Turns, ...] = (), collector: bytes = ANN,
    journals: tuple[bytes, ...] = (ANN, BEN),
) -> list[tuple[bytes, str]]:  # fmt: skip
    ends = Ends((), (), tuple(AT[node] for node in journals))
    return [(one.who, one.kind) for one in silences(OPENED, said, turns, collector, ends)]


def test_nobody_is_missing() -> None:
    assert told([*heard(BEN, CEM), *heard(ANN, by=BEN)]) == []


def test_one_says_nothing() -> None:
    assert told([*heard(BEN), *heard(ANN, by=BEN)]) == [
        (CEM, "no-update"), (CEM, "no-list"), (CEM, "no-vote"),
    ]  # fmt: skip


def test_nobody_is_believed_of_himself_where_there_are_others() -> None:
    said = [*heard(BEN, CEM), *heard(ANN, by=ANN)]
    assert told(said) == [(ANN, "no-update"), (ANN, "no-list"), (ANN, "no-vote")]
    assert told(said, journals=(ANN,)) == []


def test_it_is_said_what_was_due_and_where_each_went_on_without_it() -> None:
    listed, collected, ended = (Place(ANN, entry, 1) for entry in (3, 5, 7))
    said = [*heard(BEN), *heard(ANN, by=BEN)]
    ends = Ends((listed,), (collected,), (ended,))
    [late, update, list_, vote] = sorted(
        silences(OPENED, said, (), BEN, ends), key=lambda one: one.kind != "no-result"
    )
    assert (late.who, late.places) == (ANN, (collected,))
    assert update.places == (listed,)
    assert update.what.endswith("due 2.5 s after the round opened")
    assert list_.places == vote.places == (ended,)
    hurried = replace(OPENED, spec=replace(SPEC, quorum=2, patience_ms=50))
    [update, *_] = silences(hurried, said, (), b"", Ends((), (), (ended,)))
    assert update.what.endswith(", or 0.05 s after 2 updates")
    assert update.places == (ended,)


def test_a_journal_that_does_not_come_to_the_end_makes_nobody_silent() -> None:
    """Cem is running, and its journal was read last: the others' end before this round does."""
    assert told([*heard(CEM, BEN, ANN, by=CEM)], journals=(CEM,)) == []


def test_who_did_not_collect_in_turn() -> None:
    said = [*heard(BEN, CEM), *heard(ANN, by=BEN)]
    assert told(said, collector=CEM) == [(ANN, "no-result"), (BEN, "no-result")]
    assert told(said, collector=b"") == []


def test_who_let_a_turn_to_propose_pass() -> None:
    said = [*heard(BEN, CEM), *heard(ANN, by=BEN)]
    passed = Place(BEN, 4, 1)
    turns = (
        Turns(7, {0: BEN, 2: ANN}, {0: (passed,)}),
        Turns(8, {}, {}),
    )
    assert told(said, turns) == [(BEN, "no-proposal"), (ANN, "no-proposal")]
    ends = Ends((), (), (AT[ANN], AT[BEN]))
    first, second = silences(OPENED, said, turns, ANN, ends)
    assert (first.places, second.places) == ((passed,), ends.ended)

"""Whoever should have been heard of, and was not."""

from meshkit.audit.silence import Heard, Turns, silences
from meshkit.consensus.messages import Validator
from meshkit.consensus.rotation import proposer
from meshkit.rounds.messages import Holder, Open, Spec

ANN, BEN, CEM = (bytes([n]) * 32 for n in range(3))
ALL = (ANN, BEN, CEM)
SPEC = Spec("m:a", "{}", 0, 2_500, 1, 8, 16, 12, "fedavg", 0, 100, 1000, 1000, 1000)
OPENED = Open(
    b"t" * 32, 0, SPEC, b"b" * 32, b"s" * 32, ALL, tuple(Holder(id_, 1) for id_ in ALL), ALL, 2, 500
)
KINDS = ("update", "list", "vote")


def heard(*who: bytes, by: bytes = ANN) -> list[Heard]:
    return [Heard(kind, one, by) for one in who for kind in KINDS]


def told(
    said: list[Heard], turns: tuple[Turns, ...] = (), collector: bytes = ANN,
    journals: tuple[bytes, ...] = (ANN, BEN),
) -> list[tuple[bytes, str]]:  # fmt: skip
    return [(one.who, one.kind) for one in silences(OPENED, said, turns, collector, journals)]


def test_nobody_is_missing() -> None:
    assert told([*heard(BEN, CEM), *heard(ANN, by=BEN)]) == []


def test_one_says_nothing() -> None:
    assert told([*heard(BEN), *heard(ANN, by=BEN)]) == [
        (CEM, "no-update"), (CEM, "no-list"), (CEM, "no-vote"),
    ]  # fmt: skip
    [update, *_] = silences(OPENED, [*heard(BEN), *heard(ANN, by=BEN)], (), ANN, (ANN, BEN))
    assert "2.5 s" in update.what


def test_nobody_is_believed_of_himself_where_there_are_others() -> None:
    said = [*heard(BEN, CEM), *heard(ANN, by=ANN)]
    assert told(said) == [(ANN, "no-update"), (ANN, "no-list"), (ANN, "no-vote")]
    assert told(said, journals=(ANN,)) == []


def test_who_did_not_collect_in_turn() -> None:
    said = [*heard(BEN, CEM), *heard(ANN, by=BEN)]
    assert told(said, collector=CEM) == [(ANN, "no-result"), (BEN, "no-result")]
    assert told(said, collector=b"") == []


def test_who_let_a_turn_to_propose_pass() -> None:
    voters = tuple(Validator(id_, 1) for id_ in ALL)
    said = [*heard(BEN, CEM), *heard(ANN, by=BEN)]
    turns = (Turns(7, voters, 3, frozenset({1})), Turns(8, (), 0, frozenset()))
    assert told(said, turns) == [(proposer(voters, 7, number), "no-proposal") for number in (0, 2)]

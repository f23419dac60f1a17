"""Who lied, and that nobody else is ever named."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Certificate
from meshkit.consensus.tendermint.evidence import (
    Fault,
    amnesias,
    conflict,
    culprits,
    equivocations,
    place,
    proves,
)
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Proposal, Vote
from meshkit.core.value import Statement
from tests.consensus.tendermint.network import MESH, Block, equals, name, sign, verify
from tests.consensus.tendermint.playbook import (
    V,
    W,
    precommit,
    prevote,
    proposal,
    v,
    vote,
    w,
)

FOUR = equals(4)

votes = st.builds(
    vote,
    st.sampled_from([PREVOTE, PRECOMMIT]),
    st.integers(0, 3),
    st.sampled_from([NIL, v, w]),
    st.integers(0, 3),
)


# -- pairs ----------------------------------------------------------------------------------------


def test_T12_two_votes_for_one_place_convict() -> None:
    assert conflict(prevote(0, v, 1), prevote(0, w, 1)) == name(1)
    assert conflict(precommit(2, NIL, 3), precommit(2, w, 3)) == name(3), "nil counts"


def test_T12_two_proposals_for_one_round_convict() -> None:
    first, second = proposal(0, V), proposal(0, W)
    assert conflict(first, second) == first.proposer
    vouched = sign(replace(proposal(1, V), valid_round=0, signature=b""))
    assert conflict(proposal(1, V), vouched) == vouched.proposer, "valid_round is signed too"


def test_T12_what_an_honest_signer_does_convicts_nobody() -> None:
    pairs: list[tuple[Statement, Statement]] = [
        (prevote(0, v, 1), prevote(0, v, 1)),
        (prevote(0, v, 1), replace(prevote(0, v, 1), signature=b"another")),
        (prevote(0, v, 1), prevote(1, w, 1)),
        (prevote(0, v, 1), precommit(0, NIL, 1)),
        (prevote(0, v, 1), prevote(0, w, 2)),
        (prevote(0, v, 1), prevote(0, w, 1, height=2)),
        (proposal(0, V), replace(proposal(0, V), value=None)),
        (proposal(0, V), replace(proposal(0, V), value=W)),  # a relay changed what is unsigned
        (proposal(0, V), prevote(0, v, 2)),
    ]
    for first, second in pairs:
        assert conflict(first, second) is None


def test_T12_only_statements_of_this_engine_are_judged() -> None:
    class Remark(Statement):
        by: bytes = b""

    assert conflict(Remark(), Remark()) is None
    assert conflict(prevote(0, v, 1), Remark()) is None


def test_T12_the_place_of_a_statement() -> None:
    assert place(prevote(3, v, 1)) == (name(1), 1, 3, PREVOTE)
    first = proposal(3, V)
    assert place(first) == (first.proposer, 1, 3, 0)


def test_T12_an_outsider_can_verify_a_pair() -> None:
    first, second = prevote(0, v, 1), prevote(0, w, 1)
    assert proves(name(1), first, second, MESH, verify)
    assert not proves(name(2), first, second, MESH, verify), "not the culprit"
    assert not proves(name(1), first, first, MESH, verify), "no conflict"
    assert not proves(name(1), first, second, b"another mesh", verify), "not of this mesh"
    forged = replace(second, signature=first.signature)
    assert not proves(name(1), first, forged, MESH, verify)


@given(st.lists(votes, max_size=40))
def test_T12_a_pair_is_found_for_each_place_with_two_votes(said: list[Vote]) -> None:
    ids: dict[Any, set[bytes]] = {}
    for one in said:
        ids.setdefault(place(one), set()).add(one.value_id)
    guilty = {where for where, different in ids.items() if len(different) > 1}
    faults = equivocations(said)
    assert {place(fault.first) for fault in faults} == guilty
    assert len(faults) == len(guilty)
    assert all(proves(f.culprit, f.first, f.second, MESH, verify) for f in faults)


# -- forgotten locks ------------------------------------------------------------------------------


def test_T13_a_prevote_against_a_lock_is_found() -> None:
    lock, broken = precommit(0, v, 1), prevote(2, w, 1)
    assert amnesias([broken, lock], FOUR) == (Fault(name(1), lock, broken),)


def test_T13_a_quorum_at_or_after_the_lock_clears() -> None:
    lock, prevoted = precommit(0, v, 1), prevote(2, w, 1)
    for number in (0, 1):
        quorum = [prevote(number, w, n) for n in (0, 2, 3)]
        assert amnesias([lock, prevoted, *quorum], FOUR) == ()
    for late in (2, 3):
        quorum = [prevote(late, w, n) for n in (0, 2, 3)]
        assert len(amnesias([lock, prevoted, *quorum], FOUR)) == 1


def test_T13_a_quorum_before_the_lock_does_not_clear() -> None:
    quorum = [prevote(0, w, n) for n in (0, 2, 3)]
    assert amnesias([*quorum, precommit(1, v, 1), prevote(2, w, 1)], FOUR)


def test_T13_less_than_a_quorum_or_strangers_do_not_clear() -> None:
    lock, prevoted = precommit(0, v, 1), prevote(2, w, 1)
    for few in ([0, 2], [0, 2, 8]):
        assert amnesias([lock, prevoted, *(prevote(1, w, n) for n in few)], FOUR)


def test_T13_nil_and_the_same_value_break_no_lock() -> None:
    lock = precommit(0, v, 1)
    assert amnesias([lock, prevote(1, NIL, 1), prevote(2, v, 1)], FOUR) == ()
    assert amnesias([precommit(0, NIL, 1), prevote(1, w, 1)], FOUR) == ()


def test_T13_the_first_offence_of_each_is_named() -> None:
    locks = [precommit(0, v, n) for n in (1, 2)]
    breaks = [prevote(number, w, n) for number in (1, 2) for n in (1, 2)]
    faults = amnesias([*locks, *breaks], FOUR)
    assert [(fault.culprit, fault.second.round) for fault in faults] == [(name(1), 1), (name(2), 1)]


# -- a disagreement -------------------------------------------------------------------------------


def certificate(value_id: bytes, number: int, *voters: int) -> Certificate:
    return Certificate(1, number, value_id, tuple(precommit(number, value_id, n) for n in voters))


def test_T13_a_disagreement_in_one_round_names_who_precommitted_twice() -> None:
    first, second = certificate(v, 0, 0, 1, 2), certificate(w, 0, 1, 2, 3)
    faults = culprits(first, second, [], FOUR)
    assert [fault.culprit for fault in faults] == [name(1), name(2)]


def test_T13_a_disagreement_over_rounds_names_who_forgot() -> None:
    """0 is told V by the liars 2 and 3, then 1 is told W: both honest ones did nothing wrong."""
    first, second = certificate(v, 0, 0, 2, 3), certificate(w, 1, 1, 2, 3)
    prevotes = [prevote(0, v, n) for n in (0, 2, 3)] + [prevote(1, w, n) for n in (1, 2, 3)]
    faults = culprits(first, second, prevotes, FOUR)
    assert [fault.culprit for fault in faults] == [name(2), name(3)]
    assert culprits(second, first, prevotes, FOUR) == faults


def test_T13_other_heights_and_other_statements_say_nothing() -> None:
    first, second = certificate(v, 0, 0, 2, 3), certificate(w, 1, 1, 2, 3)
    odd = replace(first, votes=(*first.votes, Proposal(1, 0, -1, v, name(2))))
    elsewhere = [prevote(1, w, 0, height=2)]
    assert culprits(odd, second, elsewhere, FOUR) == ()


class Honest:
    """A voter of the model below: it obeys the locks and nothing else."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lock: tuple[int, bytes] = (-1, NIL)

    def prevote(self, round_: int, value_id: bytes, vouched: int) -> Vote:
        free = self.lock[0] <= vouched or self.lock[1] == value_id or self.lock[0] == -1
        return prevote(round_, value_id if free else NIL, self.number)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([v, w]),  # what is proposed
            st.sampled_from([v, w, NIL]),  # what liar 2 prevotes
            st.sampled_from([v, w, NIL]),  # and liar 3
            st.booleans(),  # whether 0 hears of this round's quorum
            st.booleans(),  # whether 1 does
        ),
        min_size=2,
        max_size=6,
    )
)
def test_T13_whatever_two_of_four_liars_do_only_they_are_named(rounds: list[Any]) -> None:
    """A model of the locking rules: two honest, two liars who precommit everything.

    If both honest ones ever precommit different values, more than a third is named; in any case
    no honest one is.
    """
    honest = [Honest(0), Honest(1)]
    said: list[Vote] = []
    polkas: dict[bytes, int] = {}
    certificates: dict[bytes, Certificate] = {}
    for number, (value_id, second, third, *hears) in enumerate(rounds):
        vouched = polkas.get(value_id, -1)
        cast = [one.prevote(number, value_id, vouched) for one in honest]
        cast += [prevote(number, second, 2), prevote(number, third, 3)]
        said += cast
        if sum(one.value_id == value_id for one in cast) < 3:
            continue
        polkas[value_id] = number
        locked = [one for one, hear in zip(honest, hears, strict=True) if hear]
        for one in locked:
            one.lock = (number, value_id)
            voters = (one.number, 2, 3)
            said += [precommit(number, value_id, n) for n in voters]
            certificates.setdefault(value_id, certificate(value_id, number, *voters))
    named = {fault.culprit for fault in (*amnesias(said, FOUR), *equivocations(said))}
    assert named <= {name(2), name(3)}
    if len(certificates) == 2:
        faults = culprits(certificates[v], certificates[w], said, FOUR)
        assert [fault.culprit for fault in faults] == [name(2), name(3)]


def test_a_block_is_named_by_its_digest() -> None:
    assert proposal(0, Block(1, "v")).value_id == v

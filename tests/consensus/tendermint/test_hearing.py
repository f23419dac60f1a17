"""The gates: of what others say, what counts, what is evidence and what is nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.consensus.messages import (
    NIL,
    Ask,
    Begin,
    Certificate,
    Committed,
    EquivocationSeen,
    Open,
    ProposalTaken,
    Propose,
)
from meshkit.consensus.tendermint.evidence import place
from meshkit.consensus.tendermint.hearing import is_late
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    Proposal,
    RoundStarted,
    Vote,
    WantValue,
)
from meshkit.consensus.tendermint.state import GRACE_NS, WINDOW_NS
from meshkit.core.machine import Heard, Moment
from meshkit.core.value import Value
from tests.consensus.tendermint.network import MS, Block, equals, name, sign
from tests.consensus.tendermint.playbook import (
    ME,
    Play,
    V,
    W,
    precommit,
    prevote,
    proposal,
    turn_of,
    v,
    vote,
    w,
)

GRACE_MS = GRACE_NS // MS
WINDOW_MS = WINDOW_NS // MS


def certificate(value_id: bytes = v, height: int = 1, voters: Any = (1, 2, 3)) -> Certificate:
    votes = tuple(precommit(0, value_id, n, height) for n in voters)
    return Certificate(height, 0, value_id, votes)


def decided() -> Play:
    """Height 1 is decided for V, height 2 begun a while ago."""
    play = Play()
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2)))
    play.hear(*(precommit(0, v, n) for n in (1, 2)))
    assert play.state.decided
    play.do(Begin(2, equals(4)))
    play.pass_ms(GRACE_MS)
    play.forget()
    return play


# -- form -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(prevote(0, v, 9), id="a vote of a stranger"),
        pytest.param(vote(7, 0, v, 1), id="a vote of no kind"),
        pytest.param(prevote(-1, v, 1), id="a vote before the first round"),
        pytest.param(sign(Proposal(1, 0, -1, v, name(1), V)), id="a proposal out of turn"),
        pytest.param(sign(Proposal(1, 0, -1, v, name(9), V)), id="a proposal of a stranger"),
        pytest.param(proposal(1, V, valid_round=1), id="vouched for by its own round"),
        pytest.param(proposal(1, V, valid_round=-2), id="vouched for by no round at all"),
        pytest.param(replace(proposal(0, V), value=W), id="a value under another's id"),
        pytest.param(replace(proposal(0, V), value=None), id="a proposal without its value"),
        pytest.param(proposal(2, V), id="a proposal of a round too far ahead"),
        pytest.param(Committed(certificate(voters=(1, 2)), V), id="a certificate of too few"),
        pytest.param(Committed(certificate(), W), id="a certificate of another value"),
        pytest.param(Committed(certificate(), V.__class__(9, "x")), id="of yet another"),
        pytest.param(Ask(0), id="a question about no height"),
        pytest.param(Ask(1), id="a question about an open height"),
        pytest.param(WantValue(1, v), id="a question for a value that nobody has"),
        pytest.param(Block(1, "v"), id="a message of another kind"),
    ],
)
def test_what_is_not_in_form_changes_nothing(message: Value) -> None:
    play = Play()
    assert play.hear(message, sender=name(1)) == []


def test_nothing_is_heard_before_the_first_height() -> None:
    play = Play()
    fresh = play.machine.initial()
    command = Heard(name(1), prevote(0, v, 1))
    assert play.machine.decide(fresh, command, Moment(1, 0)) == []


@pytest.mark.parametrize("message", [prevote(0, v, 1), proposal(0, V), precommit(3, NIL, 2)])
def test_a_vote_or_proposal_opens_the_height(message: Value) -> None:
    play = Play(opened=False)
    play.hear(message)
    assert play.of(RoundStarted)[0].round == 0
    assert play.do(Open()) == []


@pytest.mark.parametrize("message", [prevote(0, v, 9), proposal(1, V, valid_round=5), Ask(1)])
def test_nothing_else_opens_it(message: Value) -> None:
    play = Play(opened=False)
    assert play.hear(message) == []


def test_the_next_round_s_proposal_is_taken_early() -> None:
    play = Play()
    play.hear(proposal(1, V))
    assert [taken.round for taken in play.of(ProposalTaken)] == [1]
    play.hear(prevote(1, NIL, 1), prevote(1, NIL, 2))
    assert play.votes[0] == (PREVOTE, 1, v)


# -- once -----------------------------------------------------------------------------------------


def test_T09_one_vote_a_height_round_kind_and_validator() -> None:
    play = Play()
    play.hear(prevote(0, v, 1))
    assert play.hear(prevote(0, v, 1), prevote(0, v, 1)) == []
    assert play.state.rounds[0].prevotes.weight == 1


def test_T12_the_first_vote_counts_and_the_second_is_evidence_once() -> None:
    play = Play()
    play.hear(prevote(0, v, 1))
    play.forget()
    events = play.hear(prevote(0, NIL, 1), prevote(0, NIL, 1), prevote(0, w, 1))
    assert events == [EquivocationSeen(name(1), prevote(0, v, 1), prevote(0, NIL, 1))]
    assert play.state.rounds[0].prevotes.by_value[v] == 1
    assert play.sent(Known) == [Known((), (prevote(0, v, 1), prevote(0, NIL, 1)))]


def test_T12_each_kind_of_statement_once() -> None:
    play = Play()
    first = proposal(0, V)
    culprit = first.proposer[0]
    play.hear(first, proposal(0, W))
    play.hear(prevote(0, v, culprit), prevote(0, w, culprit))
    play.hear(precommit(0, v, culprit), precommit(0, NIL, culprit))
    seen = play.of(EquivocationSeen)
    assert [type(one.first).__name__ for one in seen] == ["Proposal", "Vote", "Vote"]
    assert isinstance(seen[0].second, Proposal)
    assert seen[0].second.value is None, "evidence stays small"


def test_T12_in_rounds_far_ahead_too() -> None:
    play = Play()
    events = play.hear(prevote(50, v, 1), precommit(50, v, 1), prevote(50, w, 1))
    assert events[-1] == EquivocationSeen(name(1), prevote(50, v, 1), prevote(50, w, 1))
    assert play.hear(prevote(50, v, 1)) == []


def test_T12_in_the_height_before_too() -> None:
    play = decided()
    events = play.hear(precommit(0, NIL, 1), sender=name(3))
    assert events == [EquivocationSeen(name(1), precommit(0, v, 1), precommit(0, NIL, 1))]
    first = play.state.former[0].proposal
    assert first is not None
    other = proposal(0, W)
    assert [type(e) for e in play.hear(other, sender=name(3))] == [EquivocationSeen]
    assert play.hear(precommit(0, w, 1), other, sender=name(3)) == []


def test_T12_in_a_height_decided_just_now_too() -> None:
    play = Play()
    play.hear(Committed(certificate(), V))
    assert play.state.decided
    assert play.hear(prevote(0, v, 1)) == []
    play = Play()
    play.hear(prevote(0, v, 1), Committed(certificate(), V))
    assert len(play.hear(prevote(0, w, 1))) == 1


def test_T12_a_bundle_convicts_by_itself() -> None:
    """Whoever heard of neither statement believes the pair: it is signed."""
    pair = Known((), (prevote(0, v, 1), prevote(0, w, 1)))
    play = decided()
    assert [type(event) for event in play.hear(pair)] == [EquivocationSeen]
    assert play.hear(pair) == []
    strangers = Known((), (prevote(0, v, 9), prevote(0, w, 9)))
    assert play.hear(strangers) == []
    old = Known((), (prevote(0, v, 1, height=7), prevote(0, w, 1, height=7)))
    assert play.hear(old) == []


def test_T12_evidence_reaches_who_saw_nothing() -> None:
    witness, other = Play(), Play(me=3)
    witness.hear(prevote(0, v, 1), prevote(0, w, 1))
    [bundle] = witness.sent(Known)
    other.hear(bundle, sender=ME)
    assert [seen.culprit for seen in other.of(EquivocationSeen)] == [name(1)]


def out_of_turn(signer: int, number: int) -> Proposal:
    return sign(Proposal(1, number, -1, v, name(signer), V))


statements = st.one_of(
    st.builds(
        vote,
        st.sampled_from([PREVOTE, PRECOMMIT]),
        st.integers(0, 3),
        st.sampled_from([NIL, v, w]),
        st.integers(0, 4),
        st.integers(0, 3),
    ),
    st.builds(proposal, st.integers(0, 3), st.sampled_from([V, W]), st.integers(-1, 2)),
    st.builds(out_of_turn, st.integers(0, 4), st.integers(0, 3)),
)


@given(st.lists(statements, max_size=25), st.booleans())
def test_T12_no_framing(said: list[Any], bundled: bool) -> None:
    """Who is accused has signed both; who signs one thing for each place is never accused."""
    first: dict[Any, Any] = {}
    said = [
        statement
        for statement in said
        if place(statement)[0] != name(2)
        or first.setdefault(place(statement), statement) == statement
    ]
    play = Play()
    if bundled:
        play.hear(
            Known(
                tuple(s for s in said if isinstance(s, Proposal)),
                tuple(s for s in said if isinstance(s, Vote)),
            )
        )
    else:
        play.hear(*said)
    for seen in play.of(EquivocationSeen):
        assert seen.culprit != name(2)
        for statement in (seen.first, seen.second):
            assert getattr(statement, type(statement).SIGNER) == seen.culprit
            assert sign(replace(statement, signature=b"")) == statement


def test_T11_a_vote_signed_by_our_key_that_was_never_cast_is_refused() -> None:
    play = Play()
    assert play.hear(prevote(0, v, 0), sender=name(1)) == []
    play.hear(proposal(0, V))
    play.forget()
    assert play.hear(prevote(0, NIL, 0)) == [], "cast otherwise"
    assert play.hear(precommit(0, v, 0)) == [], "not cast"


def test_T11_a_proposal_signed_by_our_key_that_was_never_made_is_refused() -> None:
    number = turn_of(0)
    play = Play()
    play.hear(prevote(number, NIL, 1), prevote(number, NIL, 2))
    assert play.hear(proposal(number, V)) == []
    play.do(Propose(1, number, V))
    assert play.hear(proposal(number, W)) == []
    assert play.state.rounds[number].proposal is not None


@given(
    st.lists(statements, max_size=12),
    st.booleans(),
    st.builds(
        vote,
        st.sampled_from([PREVOTE, PRECOMMIT]),
        st.integers(0, 2),
        st.sampled_from([NIL, v, w]),
        st.integers(0, 4),
        st.integers(0, 3),
    ),
    st.integers(0, 4),
    st.sampled_from([0, GRACE_NS]),
)
def test_who_is_late_changes_nothing(
    said: list[Any], begun: bool, other: Vote, sender: int, later_ns: int
) -> None:
    play = Play()
    play.hear(proposal(0, V), *(precommit(0, v, number) for number in (1, 2)), *said)
    play.hear(precommit(0, v, 3))
    if begun and play.state.decided:
        play.do(Begin(2, equals(4)))
    play.now_ns += later_ns
    if is_late(play.state, name(sender), other, play.now_ns):
        assert play.hear(other, sender=name(sender)) == []


def test_the_usual_late_votes_are_late_and_lies_and_questions_are_not() -> None:
    play = Play()
    play.hear(proposal(0, V), *(precommit(0, v, number) for number in (1, 2, 3)))
    assert play.state.decided
    told, new, lie = precommit(0, v, 1), prevote(0, v, 2), precommit(0, NIL, 1)
    for _ in range(2):  # decided, and then in the next height
        assert is_late(play.state, name(1), told, play.now_ns)
        assert is_late(play.state, name(2), new, play.now_ns)
        assert not is_late(play.state, name(1), lie, play.now_ns)
        assert not is_late(play.state, name(1), precommit(0, v, 1, height=3), play.now_ns)
        play.do(Begin(2, equals(4)))
    play.now_ns += GRACE_NS
    assert not is_late(play.state, name(1), told, play.now_ns), "it asks what was decided"
    assert is_late(play.state, name(3), told, play.now_ns), "somebody only passes it on"

"""Who lacks a value, a round or a height is told, and nobody else is told twice."""

from typing import Any

import pytest

from meshkit.consensus.messages import (
    NIL,
    Ask,
    Begin,
    Certificate,
    Committed,
    Decided,
    EquivocationSeen,
    Propose,
    Serve,
)
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    HeightAnswered,
    Known,
    PeerAhead,
    QuorumShown,
    RoundAnswered,
    ValidFound,
    ValueAnswered,
    Vote,
    WantValue,
)
from meshkit.consensus.tendermint.state import ANSWERED_MAX, GRACE_NS, WINDOW_NS
from meshkit.core.machine import Heard, Send
from meshkit.core.value import digest
from tests.consensus.tendermint.network import MS, Block, equals, name
from tests.consensus.tendermint.playbook import (
    ME,
    Play,
    V,
    W,
    precommit,
    prevote,
    proposal,
    v,
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


# -- a missing value ------------------------------------------------------------------------------


def test_T15_precommits_for_an_unknown_value_ask_for_it_and_then_decide() -> None:
    play = Play()
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    assert play.sent(WantValue) == [WantValue(1, v)]
    play.forget()
    play.hear(Known((proposal(0, V),), ()))
    [event] = play.of(Decided)
    assert event.value == V


def test_T15_the_value_counts_though_its_proposer_told_us_another() -> None:
    play = Play()
    play.hear(proposal(0, W))
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    play.hear(proposal(0, V))
    assert len(play.of(EquivocationSeen)) == 1
    assert [event.value for event in play.of(Decided)] == [V]


def test_T15_who_has_the_value_answers_with_its_proposal() -> None:
    play = Play()
    play.hear(proposal(0, V))
    play.forget()
    play.hear(WantValue(1, v), sender=name(3))
    assert play.effects == [Send(name(3), Known((proposal(0, V),), ()))]
    assert play.hear(WantValue(1, v), sender=name(3)) == [], "once a window"
    play.pass_ms(WINDOW_MS)
    assert [type(e) for e in play.hear(WantValue(1, v), sender=name(3))] == [ValueAnswered]


def test_T15_who_has_decided_answers_with_the_decision() -> None:
    play = decided()
    play.hear(WantValue(1, v), sender=name(3))
    assert play.sent(Committed) == [play.state.last]


def test_T15_a_value_without_a_signed_proposal_is_not_passed_on() -> None:
    """It is our own, and has not come back signed yet."""
    play = Play(me=2, echo=False)
    play.do(Propose(1, 0, V))
    play.forget()
    assert play.hear(WantValue(1, v), sender=name(3))
    assert play.effects == []


# -- laggards -------------------------------------------------------------------------------------


def test_T16_a_certificate_decides_whoever_sends_it() -> None:
    play = Play(opened=False)
    play.hear(Committed(certificate(), V), sender=name(77))
    assert [event.certificate.height for event in play.of(Decided)] == [1]
    assert play.hear(Committed(certificate(), V)) == []


def test_T16_a_vote_in_the_height_before_is_answered_with_its_decision() -> None:
    play = decided()
    play.hear(prevote(1, NIL, 3))
    assert play.state.last is not None
    assert play.effects == [Send(name(3), play.state.last)]
    assert play.hear(prevote(1, NIL, 3)) == []


def test_T16_a_vote_that_was_merely_under_way_is_not_answered() -> None:
    play = decided()
    play.now_ns -= 1
    assert play.hear(precommit(0, v, 3)) == []


def test_T16_a_relayed_vote_is_no_question() -> None:
    play = decided()
    assert play.hear(prevote(1, NIL, 3), sender=name(2)) == []


def test_T16_older_heights_are_served_from_the_store() -> None:
    play = decided()
    play.do(Heard(name(1), Committed(certificate(w, 2), Block(2, "w"))))
    block = Block(2, "x")
    play.do(Heard(name(1), Committed(certificate(digest(block), 2), block)))
    play.do(Begin(3, equals(4)))
    play.forget()
    play.hear(Ask(1), sender=name(3))
    assert play.effects == [Serve(name(3), 1), Send(name(3), Ask(3))]
    play.hear(Ask(2), sender=name(4))
    assert play.state.last is not None
    assert play.effects[2:] == [Send(name(4), play.state.last)]


def test_T16_questions_are_answered_once_a_window_and_a_peer() -> None:
    play = decided()
    for _ in range(5):
        play.hear(Ask(1), sender=name(3))
        play.hear(Ask(1), sender=name(2))
    assert [event.to for event in play.of(HeightAnswered)] == [name(3), name(2)]
    play.pass_ms(WINDOW_MS)
    play.hear(Ask(1), sender=name(3))
    assert len(play.of(HeightAnswered)) == 3
    assert play.hear(Ask(1), sender=ME) == [], "we know"


def test_T16_answers_in_a_window_are_bounded() -> None:
    play = decided()
    for number in range(ANSWERED_MAX + 9):
        play.do(Heard(number.to_bytes(32), Ask(1)))
    assert len(play.of(HeightAnswered)) == ANSWERED_MAX


def test_T16_a_vote_in_a_round_that_is_over_is_answered_with_what_ended_it() -> None:
    seven = equals(7)
    play = Play(validators=seven)
    ending = [*(precommit(0, NIL, n) for n in (1, 2, 4, 5)), precommit(0, v, 6)]
    play.hear(*ending, prevote(0, NIL, 3))
    play.time_out()
    assert play.state.round == 1
    play.pass_ms(GRACE_MS)
    play.forget()
    play.hear(prevote(0, NIL, 3))
    [answer] = play.effects
    assert answer == Send(name(3), Known((), (prevote(0, NIL, 3), *ending)))
    assert play.hear(prevote(0, NIL, 3)) == []
    laggard = Play(me=3, validators=seven)
    laggard.hear(answer.message, sender=ME)
    laggard.time_out()
    assert laggard.state.round == 1


def test_T16_who_comes_back_into_a_round_is_told_all_of_it_as_soon_as_it_asks() -> None:
    """Three of four are needed, one is dead, and the two others have not said anything for long."""
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2), precommit(0, v, 1))
    play.pass_ms(GRACE_MS)
    play.forget()
    play.hear(Ask(1), sender=name(1))
    assert play.effects == [], "its vote is here: it knows where we are"
    play.hear(Ask(1), Ask(1), sender=name(3))
    [answer] = play.effects
    assert isinstance(answer, Send)
    assert answer.to == name(3)
    back = Play(me=3)
    back.hear(answer.message, sender=ME)
    assert back.votes == [(PREVOTE, 0, v), (PRECOMMIT, 0, v)]
    assert [event.value for event in back.of(Decided)] == [V]


def test_T16_before_anybody_has_voted_there_is_nothing_to_tell() -> None:
    play = Play()
    play.pass_ms(GRACE_MS)
    play.hear(Ask(1), sender=name(3))
    play.hear(Ask(1), sender=name(77))
    assert play.of(RoundAnswered) == []
    play.time_out()
    play.hear(Ask(1), sender=name(77))
    assert play.of(RoundAnswered) == [], "it is no validator"


def test_T16_a_vote_in_a_round_just_over_was_merely_under_way() -> None:
    play = Play()
    play.hear(prevote(3, v, 1), prevote(3, v, 2))
    play.hear(precommit(0, NIL, 3))
    assert play.of(RoundAnswered) == []


def test_T16_a_shown_quorum_is_believed_whatever_its_voters_told_us() -> None:
    """3 told us nil and told the others V: their quorum vouches for V all the same."""
    play = Play()
    play.hear(proposal(0, V), prevote(0, NIL, 3), prevote(0, NIL, 2))
    play.time_out()
    bundle = Known((), tuple(prevote(0, v, n) for n in (1, 2, 3)))
    play.hear(bundle)
    assert [shown.round for shown in play.of(QuorumShown)] == [0]
    assert len(play.of(EquivocationSeen)) == 2
    assert play.of(ValidFound)[0].value_id == v
    assert play.hear(bundle) == []


def test_T16_a_shown_quorum_of_precommits_decides_in_any_round() -> None:
    play = Play()
    play.hear(proposal(0, V), *(precommit(90, NIL, n) for n in (1, 2)))
    play.hear(Known((), tuple(precommit(90, v, n) for n in (1, 2, 3))))
    [event] = play.of(Decided)
    assert event.certificate.votes == tuple(precommit(90, v, n) for n in (1, 2, 3))


@pytest.mark.parametrize(
    "votes",
    [
        pytest.param([prevote(0, v, 1), prevote(0, v, 2)], id="too few"),
        pytest.param([prevote(0, v, 1)] * 3, id="one voter thrice"),
        pytest.param([prevote(0, v, 1), prevote(0, v, 2), prevote(0, w, 3)], id="not alike"),
        pytest.param([prevote(0, v, 1), prevote(0, v, 2), precommit(0, v, 3)], id="two kinds"),
        pytest.param([prevote(0, NIL, n) for n in (1, 2, 3)], id="for nothing"),
        pytest.param([prevote(0, v, n) for n in (1, 2, 9)], id="a stranger"),
    ],
)
def test_T16_what_is_no_quorum_shows_nothing(votes: list[Vote]) -> None:
    play = Play()
    # Each told us something else before, so that nothing counts singly.
    play.hear(*(prevote(0, digest(Block(1, str(n))), n) for n in (1, 2, 3)))
    play.forget()
    play.hear(Known((), tuple(votes)))
    assert play.of(QuorumShown) == []


def test_a_peer_ahead_is_asked_soon() -> None:
    play = Play(opened=False)
    play.do(Heard(name(2), Ask(5)))
    assert play.of(PeerAhead) == [PeerAhead(name(2), 5, play.now_ns)]
    assert play.do(Heard(name(2), Ask(9))) == [], "noted once a height of ours"
    play.wake()
    assert play.effects == [Send(name(2), Ask(1))]


def test_a_certificate_of_a_later_height_proves_nothing_yet() -> None:
    """Who decides that height is not known here, so anyone could have made it up."""
    play = Play()
    assert play.do(Heard(name(2), Committed(certificate(height=4), V))) == []

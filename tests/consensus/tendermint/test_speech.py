"""What is said, and said again until it matters no more."""

from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Ask, Committed, Propose
from meshkit.consensus.tendermint.messages import Known, Proposal, Vote, WantValue
from meshkit.core.machine import Broadcast, Heard, Restarted, Send
from tests.consensus.tendermint.network import Block, equals, name, sign
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
    w,
)


def unsigned(kind: int, number: int, value_id: bytes) -> Vote:
    return Vote(kind, 1, number, value_id, ME)


def locked() -> Play:
    """Locked on V in round 0, which nobody decides."""
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2))
    return play


POLKA = Known((proposal(0, V),), tuple(prevote(0, v, n) for n in (0, 1, 2)))


def test_a_vote_leaves_unsigned_and_counts_when_it_comes_back() -> None:
    play = Play(echo=False)
    play.hear(proposal(0, V))
    assert play.effects == [Broadcast(unsigned(1, 0, v))]
    assert play.state.rounds[0].prevotes.weight == 0
    play.do(Heard(ME, sign(unsigned(1, 0, v))))
    assert play.state.rounds[0].prevotes.weight == 1


def test_a_proposal_leaves_with_its_value() -> None:
    play = Play(me=2)
    play.do(Propose(1, 0, V))
    assert play.sent(Proposal) == [Proposal(1, 0, -1, v, name(2), V)]


def test_T16_a_proposal_leaves_with_the_quorum_that_vouches_for_it() -> None:
    play = locked()
    number = turn_of(0)
    play.forget()
    play.hear(prevote(number, NIL, 1), prevote(number, NIL, 2))
    assert play.sent(Proposal) == [Proposal(1, number, 0, v, ME, V)]
    assert play.sent(Known) == [Known((), POLKA.votes)]


def test_T16_a_lock_is_shown_when_its_round_seems_to_fail() -> None:
    """Line 47 leaves the others the time to learn of it before the next round."""
    play = locked()
    play.hear(precommit(0, NIL, 1))
    assert play.sent(Known) == []
    play.hear(precommit(0, NIL, 2))
    assert play.sent(Known) == [POLKA]


def test_T16_a_failing_round_without_a_quorum_shows_nothing() -> None:
    play = Play()
    play.hear(*(precommit(0, NIL, n) for n in (1, 2, 3)))
    assert play.sent(Known) == []


def test_T16_a_quorum_found_late_is_shown_at_once() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, NIL, 2))
    play.time_out()
    play.hear(precommit(0, NIL, 1), precommit(0, NIL, 2))
    play.forget()
    play.hear(prevote(0, v, 3))
    assert play.sent(Known) == [
        Known((proposal(0, V),), tuple(prevote(0, v, n) for n in (0, 1, 3)))
    ]


def test_T16_a_quorum_found_while_the_round_may_still_succeed_is_not_shown() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, NIL, 2))
    play.time_out()
    play.hear(prevote(0, v, 3))
    assert play.state.valid_round == 0
    assert play.sent(Known) == []


def test_T16_a_quorum_for_a_value_that_was_never_proposed_to_us() -> None:
    """It came by another round's proposal; the votes are shown without one where there is none."""
    play = locked()
    play.state = replace(
        play.state, rounds=play.state.rounds.set(0, replace(play.state.rounds[0], proposal=None))
    )
    play.forget()
    play.hear(precommit(0, NIL, 1), precommit(0, NIL, 2))
    assert play.sent(Known) == [Known((), POLKA.votes)]


def test_silence_repeats_what_we_said_in_this_round() -> None:
    play = locked()
    play.forget()
    play.wake()
    assert play.effects == [
        Broadcast(unsigned(1, 0, v)),
        Broadcast(unsigned(2, 0, v)),
        Broadcast(Ask(1)),
    ]


def test_silence_repeats_a_proposal_whole() -> None:
    play = Play(me=2)
    play.do(Propose(1, 0, V))
    play.forget()
    play.wake()
    assert play.sent(Proposal) == [Proposal(1, 0, -1, v, name(2), V)]


def test_silence_repeats_a_lock_while_it_is_owed() -> None:
    play = locked()
    play.hear(precommit(0, NIL, 1), precommit(0, NIL, 2))
    play.time_out()
    play.forget()
    play.wake()
    assert play.sent(Known) == [POLKA]


def test_silence_repeats_questions_and_accusations() -> None:
    play = Play()
    play.hear(prevote(0, v, 1), prevote(0, w, 1))
    first, second = proposal(0, V), proposal(0, W)
    play.hear(first, second)
    other = Block(1, "x")
    play.hear(*(precommit(0, proposal(0, other).value_id, n) for n in (1, 2, 3)))
    play.forget()
    play.do(Restarted())
    assert play.sent(WantValue) == [WantValue(1, proposal(0, other).value_id)]
    bare = tuple(replace(one, value=None) for one in (first, second))
    assert play.sent(Known) == [Known(bare, (prevote(0, v, 1), prevote(0, w, 1)))]


def test_a_restart_says_all_of_it_at_once_and_asks_everyone() -> None:
    play = locked()
    play.hear(precommit(0, v, 3, height=4), sender=name(3))
    play.forget()
    play.do(Restarted())
    assert play.effects == [
        Broadcast(unsigned(1, 0, v)),
        Broadcast(unsigned(2, 0, v)),
        Broadcast(Ask(1)),
    ]


def test_those_who_seem_ahead_are_asked_in_turn_and_everyone_between() -> None:
    """A claim may be a lie: whoever makes one cannot keep us from asking others."""
    play = Play(opened=False)
    for number in (3, 1):
        play.do(Heard(name(number), Ask(7)))
    for _ in range(4):
        play.wake()
    assert play.effects == [
        Send(name(1), Ask(1)),
        Broadcast(Ask(1)),
        Send(name(3), Ask(1)),
        Broadcast(Ask(1)),
    ]


def test_a_follower_says_nothing_but_asks() -> None:
    play = Play(me=9)
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2, 3)))
    play.wake()
    assert play.effects == [Broadcast(Ask(1))]


def test_T12_after_a_decision_what_differs_from_it_is_compared() -> None:
    """With one other validator, with another at the next height: two stories are found out."""
    shown: list[bytes] = []
    for height in (1, 2, 3):
        play = Play()
        play.state = replace(play.state, height=height)
        value = Block(height, "v")
        first = proposal(0, value, height=height)
        play.state = replace(play.state, proposer=first.proposer)
        other = prevote(0, NIL, 1, height)
        votes = [precommit(0, first.value_id, n, height) for n in (1, 2, 3)]
        play.hear(first, other)
        play.forget()
        play.hear(*votes)
        [sent] = [effect for effect in play.effects if isinstance(effect, Send)]
        assert sent.message == Known((), (other,))
        shown.append(sent.to)
    assert sorted(shown) == [name(1), name(2), name(3)]


def test_T12_another_proposal_than_what_was_decided_is_compared() -> None:
    play = Play()
    taken, told = proposal(0, V), proposal(0, W)
    play.hear(told)
    play.forget()
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    play.hear(Known((taken,), ()))
    assert play.state.decided
    [sent] = [effect for effect in play.effects if isinstance(effect, Send)]
    assert isinstance(sent.message, Known)
    assert sent.message.proposals == (replace(told, value=None),)
    assert {vote.value_id for vote in sent.message.votes} == {told.value_id}


def test_who_was_told_what_was_decided_has_nothing_to_compare() -> None:
    play = Play()
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2, 3)))
    play.hear(*(precommit(0, v, n) for n in (1, 2, 3)))
    assert play.state.decided
    assert not [effect for effect in play.effects if isinstance(effect, Send)]


def test_a_decision_by_certificate_alone_has_nothing_to_compare() -> None:
    play = Play(opened=False)
    donor = Play()
    donor.hear(proposal(0, V), *(precommit(0, v, n) for n in (1, 2, 3)))
    assert donor.state.last is not None
    play.hear(donor.state.last)
    assert play.state.decided
    assert play.effects == []


def test_followers_and_hermits_compare_with_nobody() -> None:
    follower = Play(me=9)
    follower.hear(proposal(0, V), *(precommit(0, v, n) for n in (1, 2, 3)))
    assert follower.state.decided
    assert follower.effects == []
    hermit = Play(validators=equals(1))
    hermit.do(Propose(1, 0, V))
    assert hermit.state.decided
    assert hermit.sent(Known) == []
    assert hermit.sent(Committed) == []

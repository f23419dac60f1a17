"""The laws of every journaled machine, for the half that safety rests on."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.consensus.messages import Begin, Decided, Judge, Open, Propose, Validator
from meshkit.consensus.raft.events import (
    Elected,
    Event,
    HeightBegun,
    Repeated,
    SteppedDown,
    TermBegun,
    TransferEnded,
)
from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import (
    Append,
    Campaign,
    Compact,
    Follow,
    Learn,
    RequestVote,
    StepDown,
    TransferLeadership,
)
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import FOLLOWER, LEADER
from meshkit.core.machine import Restarted, Wake
from tests import laws
from tests.consensus.raft.network import MS, Block, equals, name
from tests.consensus.raft.playbook import ME, Play, append, noop, value_entry
from tests.consensus.raft.stories import tell

seeds = st.integers(0, 2**32)


def test_stories_are_rich() -> None:
    """What never happens in a story is not shown by the laws below."""
    happened = {type(event).__name__ for seed in range(400) for event in tell(seed).events}
    assert happened == {event.__name__ for event in get_args(Event)}


@given(seeds)
def test_replay_recheck_and_the_live_state_agree(seed: int) -> None:
    play = tell(seed)
    assert laws.check_replay(play.machine, play.story) == play.state


@given(seeds)
def test_a_state_comes_back_from_its_snapshot(seed: int) -> None:
    play = tell(seed)
    laws.check_snapshot(play.machine, play.story)


@given(seeds)
def test_a_wake_at_the_deadline_moves_the_deadline(seed: int) -> None:
    play = tell(seed)
    laws.check_wake(play.machine, play.story)


@settings(max_examples=20)  # each of them tries every prefix of its story
@given(seeds)
def test_what_is_heard_twice_at_one_moment_brings_nothing_new(seed: int) -> None:
    play = tell(seed)
    for end in range(1, len(play.story) + 1):
        laws.check_idempotent(play.machine, play.story[:end])


@given(seeds)
def test_R24_the_commit_never_regresses_nor_passes_the_log(seed: int) -> None:
    play = tell(seed)
    state = play.machine.initial()
    for entry in play.journal:
        for event in entry.events:
            before, state = state, play.machine.evolve(state, event)
            assert before.commit <= state.commit <= last_index(state.log)
            assert before.term <= state.term
            assert state.log.offset <= state.applied <= state.commit or not state.commit


@given(seeds)
def test_R03_no_story_gives_two_votes_in_a_term(seed: int) -> None:
    play = tell(seed)
    votes: dict[int, set[bytes]] = {}
    state = play.machine.initial()
    for entry in play.journal:
        for event in entry.events:
            state = play.machine.evolve(state, event)
            if state.vote:
                votes.setdefault(state.term, set()).add(state.vote)
    assert all(len(given_to) == 1 for given_to in votes.values())


# -- what is owed ---------------------------------------------------------------------------------


def test_a_leader_s_entries_are_sent_again_by_wakes_alone() -> None:
    play = Play().lead()
    play.propose()
    [lost, *_] = play.sent(Append)
    play.forget()
    play.wake()
    assert play.of(Repeated)
    assert [message.entries for message in play.sent(Append, to=1)] == [lost.entries]
    assert [message.entries for message in play.sent(Append, to=2)] == [lost.entries]


def test_a_leader_that_owes_nothing_sleeps() -> None:
    play = Play().lead()
    assert play.machine.deadline(play.state) is None
    play.propose()
    assert play.machine.deadline(play.state) is not None
    play.acknowledge()
    assert play.machine.deadline(play.state) is None


def test_a_candidate_asks_again_by_wakes_alone() -> None:
    play = Play()
    play.do(Campaign(1))
    first = play.sent(RequestVote)
    play.forget()
    play.wake()
    assert play.sent(RequestVote) == first
    assert len(first) == 2


def test_patience_grows_to_a_limit() -> None:
    """One dead follower costs few entries: the journal of an idle leader does not fill."""
    play = Play().lead(ready=False)
    play.acknowledge(1)
    before = play.now_ns
    for _ in range(20):
        play.wake()
    assert play.now_ns - before > 60_000 * MS


# -- restarts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["leader", "candidate"])
def test_R01_a_restart_neither_leads_nor_stands(role: str) -> None:
    """Of what it sent early the journal may know nothing: never again in that term."""
    play = Play()
    if role == "leader":
        play.lead()
    else:
        play.do(Campaign(1))
    term = play.state.term
    play.do(Restarted())
    assert play.of(SteppedDown)
    assert play.state.role == FOLLOWER
    assert (play.state.term, play.state.vote) == (term, ME), "what it voted binds it"
    assert play.do(Campaign(term)) == []
    assert play.do(Campaign(term + 1))


def test_a_restart_asks_what_was_decided() -> None:
    play = Play()
    play.do(Restarted())
    assert [type(event) for event in play.events] == [Repeated]
    assert play.effects


# -- its commands ---------------------------------------------------------------------------------


def test_heights_follow_one_another() -> None:
    play = Play()
    assert play.do(Begin(2, equals(3))) == []
    play.lead()
    play.begin = False
    play.propose()
    play.acknowledge()
    assert play.of(Decided)
    assert play.do(Begin(3, equals(3))) == []
    assert [type(event) for event in play.do(Begin(2, equals(3)))][:1] == [HeightBegun]


def test_nothing_is_heard_before_the_first_height() -> None:
    play = Play()
    play.state = play.machine.initial()
    for command in (Open(), Wake(), Restarted(), Campaign(1), Judge(1, b"", True)):
        assert play.do(command) == []
    assert play.machine.deadline(play.state) is None


@pytest.mark.parametrize(
    "validators",
    [(), (Validator(ME, 2),), (Validator(ME, 1), Validator(ME, 1))],
)
def test_a_set_that_is_none_is_our_own_bug(validators: tuple[Validator, ...]) -> None:
    play = Play()
    play.state = play.machine.initial()
    with pytest.raises(AssertionError):
        play.do(Begin(1, validators))


def test_nobody_judges() -> None:
    assert Play().lead().do(Judge(1, b"", False)) == []


def test_open_opens_once() -> None:
    play = Play()
    assert play.open()
    assert play.open() == []


def test_only_who_votes_and_does_not_lead_stands_and_only_for_the_next_term() -> None:
    stranger = Play(me=9)
    assert stranger.do(Campaign(1)) == []
    play = Play()
    assert play.do(Campaign(3)) == []
    play.lead()
    assert play.do(Campaign(2)) == []


def test_what_the_volatile_half_heard_is_followed() -> None:
    play = Play().lead()
    assert play.do(Follow(1, name(1))) == [], "we lead this one"
    assert [type(event) for event in play.do(Follow(5, b""))] == [TermBegun]
    assert play.do(Follow(5, b"")) == []
    assert play.do(Follow(5, name(2)))
    assert play.state.leader == name(2)
    assert play.do(Follow(4, name(1))) == []


def test_R10_only_the_leader_of_that_term_steps_down() -> None:
    play = Play().lead()
    assert play.do(StepDown(0)) == []
    assert [type(event) for event in play.do(StepDown(1))] == [SteppedDown]
    assert play.do(StepDown(1)) == []


def test_what_another_knows_to_be_committed_is() -> None:
    """R13: whoever lags behind a change learns of it even from who will not vote for it."""
    play = Play()
    play.hear(1, append(1, [noop(1, 1), value_entry(1, 2, 1)]))
    assert play.do(Learn(2, 9)) == [], "not this entry"
    assert play.do(Learn(7, 1)) == [], "nor one that we do not have"
    assert play.do(Learn(2, 1))
    assert play.of(Decided)
    assert play.do(Learn(2, 1)) == []


def test_the_log_is_compacted_up_to_what_is_applied() -> None:
    play = Play().lead()
    play.decide("a", "b")
    assert play.do(Compact(4)) == []
    assert play.do(Compact(2))
    assert play.state.log.offset == 2
    assert play.do(Compact(2)) == []


def test_R16_a_transfer_ends_with_its_time() -> None:
    play = Play().lead()
    play.do(TransferLeadership(name(1)))
    assert play.state.transferee == name(1)
    assert play.machine.deadline(play.state) == play.state.transfer_due_ns
    play.wake()
    assert play.of(TransferEnded)
    assert play.state.role == LEADER
    assert not play.state.transferee


def test_an_own_proposal_is_taken_once_and_in_its_place() -> None:
    play = Play().lead()
    assert play.do(Propose(2, 1, Block(2, "v"))) == [], "heights leave no gap"
    assert play.do(Propose(1, 0, Block(1, "v"))) == [], "of another term"
    assert play.propose()
    assert play.propose() == []


def test_a_lone_voter_decides_in_the_entry_that_appends() -> None:
    play = Play(1)
    assert [type(event) for event in play.do(Campaign(1))][:2][1] is Elected
    play.propose()
    assert play.state.height == 2


def test_the_timing_is_given() -> None:
    assert Timing(10, 40).election_ns == 40 * MS
    assert Timing(10, 40).heartbeat_ns == 10 * MS

"""What is asked of the world: to whom, what, and what may go before it is durable."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.messages import Ask
from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import (
    Append,
    Campaign,
    Early,
    InstallSnapshot,
    Notice,
    Prompt,
    RequestVote,
    TimeoutNow,
    TransferLeadership,
    VoteReply,
)
from meshkit.consensus.raft.speech import SILENT, speak
from meshkit.consensus.raft.state import LEADER
from meshkit.core.machine import Broadcast, Send
from tests.consensus.raft.network import name
from tests.consensus.raft.playbook import Play
from tests.consensus.raft.stories import tell


@given(st.integers(0, 2**32))
def test_R01_only_a_leader_s_entries_go_early(seed: int) -> None:
    """All else that leaves early or as a notice binds nobody."""
    for effect in tell(seed).effects:
        if isinstance(effect, Early):
            assert isinstance(effect.message, Append)
            assert effect.message.entries
        if isinstance(effect, Notice):
            bare = isinstance(effect.message, Append) and not effect.message.entries
            assert bare or isinstance(effect.message, InstallSnapshot)
        if isinstance(effect, Send) and isinstance(effect.message, RequestVote):
            assert isinstance(effect, Prompt)


@given(st.integers(0, 2**32))
def test_a_leader_sends_what_is_in_its_log(seed: int) -> None:
    play = tell(seed)
    state = play.machine.initial()
    for entry in play.journal:
        for event in entry.events:
            state = play.machine.evolve(state, event)
            for effect in speak(state, event):
                message = getattr(effect, "message", None)
                if isinstance(message, Append):
                    assert state.role == LEADER
                    assert message.term == state.term
                    assert message.commit == state.commit
                    first = message.previous_index + 1
                    assert [one.index for one in message.entries] == list(
                        range(first, first + len(message.entries))
                    )
                    assert first + len(message.entries) - 1 <= last_index(state.log)


def test_silent_events_are_silent() -> None:
    play = Play().lead()
    play.decide("a")
    for entry in play.journal:
        for event in entry.events:
            assert type(event) not in SILENT or not speak(play.state, event)


def test_R08_a_candidate_asks_all_voters_but_those_that_answered() -> None:
    play = Play(5)
    play.do(Campaign(1))
    assert [effect.to for effect in play.effects] == [name(n) for n in (1, 2, 3, 4)]
    assert play.sent(RequestVote)[0] == RequestVote(1, 0, 0, False)
    play.hear(1, VoteReply(1, True))
    play.forget()
    play.wake()
    assert [effect.to for effect in play.effects] == [name(n) for n in (2, 3, 4)]


def test_a_follower_without_news_asks_everyone() -> None:
    play = Play()
    play.wake()
    assert play.effects == [Broadcast(Ask(1))]


def test_who_was_pointed_to_is_asked_in_turns_with_everyone() -> None:
    play = Play()
    play.hear(2, Ask(9))
    for _ in range(4):
        play.wake()
    assert [type(effect) for effect in play.effects] == [Send, Broadcast, Send, Broadcast]


def test_R16_timeout_now_is_said_again_while_it_is_awaited() -> None:
    play = Play().lead()
    play.do(TransferLeadership(name(1)))
    assert play.sent(TimeoutNow, to=1) == [TimeoutNow(1)]

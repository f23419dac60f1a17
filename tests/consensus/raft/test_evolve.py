"""How each event changes what is known. The laws are in `test_machine`."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from meshkit.consensus.messages import Ask, Begin
from meshkit.consensus.raft.events import ConfigurationApplied, Event, Repeated
from meshkit.consensus.raft.evolve import EVOLVE_BY, evolve
from meshkit.consensus.raft.log import last_index
from meshkit.consensus.raft.messages import (
    ChangeConfiguration,
    Configuration,
    TransferLeadership,
)
from meshkit.consensus.raft.state import (
    AGAIN_NS_MAX,
    ASK_HEIGHTS,
    LEADER,
    POLL_NS_MAX,
    State,
)
from tests.consensus.raft.network import equals, name
from tests.consensus.raft.playbook import Play, accepted
from tests.consensus.raft.stories import tell
from tests.consensus.raft.test_hearing import committed


def test_every_event_changes_something_of_its_own() -> None:
    assert set(EVOLVE_BY) == set(get_args(Event))


@given(st.integers(0, 2**32))
def test_what_is_kept_at_hand_is_what_would_be_found(seed: int) -> None:
    """Peers are those of the configuration, sizes add up, and nothing is passed over."""
    state = tell(seed).state
    log = state.log
    assert log.size == sum(entry.size for entry in log.entries)
    assert [entry.index for entry in log.entries] == [
        log.offset + number for number in range(1, len(log.entries) + 1)
    ]
    assert all(state.commit < index <= last_index(log) for index in log.configurations)
    if state.role == LEADER:
        assert sorted(state.peers) == list(state.others)
        behind = log.entries[state.commit - log.offset :]
        assert state.uncommitted == sum(entry.size for entry in behind)
        assert all(peer.match < peer.next for _, peer in sorted(state.peers.items()))
    else:
        assert not state.peers
        assert not state.transferee


def test_waiting_doubles_up_to_a_limit() -> None:
    play, before = Play(), 0
    for _ in range(12):
        before = play.now_ns
        play.wake()
    assert play.of(Repeated)
    assert play.state.again_due_ns - play.now_ns == POLL_NS_MAX
    assert play.now_ns - before <= POLL_NS_MAX + 1
    leader = Play().lead(ready=False)
    for _ in range(12):
        leader.wake()
    assert leader.state.again_due_ns - leader.now_ns == AGAIN_NS_MAX


def test_R13_who_joins_is_tried_at_the_end_of_the_log_and_who_leaves_is_forgotten() -> None:
    play = Play(3, targets=False).lead()
    new = Configuration((name(0), name(1), name(2), name(7)))
    play.do(ChangeConfiguration(new))
    play.acknowledge(1)
    assert play.of(ConfigurationApplied)
    assert play.state.peers[name(7)].next == last_index(play.state.log) + 1
    play.acknowledge()
    play.do(ChangeConfiguration(Configuration((name(0), name(1), name(2)))))
    play.acknowledge()
    assert name(7) not in play.state.peers


def test_R16_a_transfer_to_who_votes_no_more_is_over() -> None:
    play = Play(3, targets=False).lead()
    play.do(ChangeConfiguration(Configuration((name(0), name(1)))))
    play.do(TransferLeadership(name(2)))
    assert play.state.transferee == name(2)
    play.acknowledge(1)
    assert play.state.configuration.voters == (name(0), name(1))
    assert not play.state.transferee


def test_who_is_far_behind_asks_on_before_what_is_served_has_run_out() -> None:
    play = Play()
    play.hear(1, Ask(500))
    play.wake()
    play.forget()
    for height in range(1, 2 * ASK_HEIGHTS + 2):
        play.hear(1, committed(height))
    assert play.sent(Ask, to=1) == [Ask(1 + ASK_HEIGHTS), Ask(1 + 2 * ASK_HEIGHTS)]
    for height in range(2 * ASK_HEIGHTS + 2, 500):
        play.hear(1, committed(height))
    assert (play.state.guide, play.state.ahead) == (b"", 0), "it has arrived"


def test_the_first_height_tells_who_votes_first() -> None:
    play = Play()
    state = play.machine.initial()
    [event] = play.machine.decide(state, Begin(7, equals(2)), play.journal[0].moment)
    begun = evolve(State(me=name(0)), event)
    assert begun.configuration == Configuration((name(0), name(1)))
    assert begun.log.offset_height == 6


def test_an_acknowledgement_frees_what_was_said_alone() -> None:
    play = Play(1, targets=False).lead()
    assert play.state.alone_index == 1
    play.do(ChangeConfiguration(Configuration((name(0),), learners=(name(1),))))
    assert play.state.alone_index == 2
    play.hear(1, accepted(1, 1))
    assert play.state.alone_index == 2, "that was said before"
    play.hear(1, accepted(1, 2))
    assert play.state.alone_index == 0

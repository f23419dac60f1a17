"""The volatile half beside the node: which messages are whose, and what it asks."""

from meshkit.codec import AHEAD, JOURNALED, VOLATILE
from meshkit.consensus.engines import ENGINES, RAFT, Timeouts
from meshkit.consensus.messages import Ask, Begin, Validator
from meshkit.consensus.raft.beat import Read, Unreadable
from meshkit.consensus.raft.messages import (
    Append,
    Campaign,
    Configuration,
    Follow,
    Heartbeat,
    HeartbeatReply,
    InstallSnapshot,
    PreVoteReply,
    RequestPreVote,
    RequestVote,
    VoteReply,
)
from meshkit.consensus.raft.state import State
from meshkit.core.machine import Moment, Send, step
from meshkit.runtime.pulse import NOTHING, Pulse, is_due, pulse_of

ME, OTHER, THIRD, MESH = b"a" * 32, b"b" * 32, b"c" * 32, b"m" * 32
SITE = Timeouts(150, 50, 1)
MS = 1_000_000


def at(ms: int) -> Moment:
    return Moment(1_000 * MS + ms * MS, ms)


def begun(*others: bytes) -> State:
    machine = RAFT.machine(ME, MESH, SITE)
    voters = tuple(Validator(id_, 1) for id_ in (ME, *others))
    state: State = step(machine, machine.initial(), Begin(1, voters), at(0))[0]
    return state


def a_pulse() -> Pulse:
    pulse = pulse_of(RAFT, ME, MESH, SITE)
    assert pulse is not None
    return pulse


def test_only_an_engine_of_two_halves_has_one() -> None:
    having = [name for name, engine in ENGINES.items() if pulse_of(engine, ME, MESH, SITE)]
    assert having == ["raft"]


def test_which_envelope_is_due_for_which_message() -> None:
    pulse = a_pulse()
    append = Append(1, 0, 0, (), 0, False)
    vote = RequestVote(1, 0, 0, False)
    kinds = (VOLATILE, JOURNALED, AHEAD)
    for message, due in (
        (Heartbeat(1, 1), [VOLATILE]),
        (append, [JOURNALED, AHEAD]),
        (vote, [JOURNALED]),
        (Ask(1), [JOURNALED]),
    ):
        assert [kind for kind in kinds if is_due(kind, message, pulse)] == due
        assert [kind for kind in kinds if is_due(kind, message, None)] == [JOURNALED]


def test_a_member_that_hears_nobody_asks_who_would_vote_for_it_and_then_stands() -> None:
    pulse = a_pulse()
    assert pulse.deadline() is None
    state = begun(OTHER, THIRD)
    assert pulse.look(state, at(1)) == NOTHING._replace(said=[], told=[], others=[])
    assert pulse.look(state, at(2)) is NOTHING
    assert pulse.wake(at(3)) is NOTHING
    due_ns = pulse.deadline()
    assert due_ns is not None
    assert at(150).now_ns <= due_ns <= at(301).now_ns
    asked = pulse.wake(Moment(due_ns, 5))
    assert asked.said == [Send(to, RequestPreVote(1, 0, 0)) for to in (OTHER, THIRD)]
    admitted, asked = pulse.hear(OTHER, PreVoteReply(1, True, 0, 0), Moment(due_ns + 1, 6))
    assert (admitted, asked.told) == (False, [Campaign(1)])


def test_while_a_leader_is_heard_nobody_else_is_voted_for() -> None:
    pulse, vote = a_pulse(), RequestVote(1, 0, 0, False)
    pulse.look(begun(OTHER, THIRD), at(1))
    assert pulse.hear(THIRD, vote, at(2)) == (True, NOTHING)
    admitted, asked = pulse.hear(OTHER, Heartbeat(0, 1), at(3))
    assert (admitted, asked.told) == (False, [Follow(0, OTHER)])
    assert asked.said == [Send(OTHER, HeartbeatReply(0, 1, 0, 0))]
    assert pulse.hear(THIRD, vote, at(4)) == (False, NOTHING)
    assert pulse.hear(THIRD, VoteReply(1, True), at(5)) == (True, NOTHING)


def test_what_a_leader_sends_is_heard_by_both() -> None:
    pulse = a_pulse()
    pulse.look(begun(OTHER, THIRD), at(1))
    before = pulse.deadline()
    for message in (Append(0, 0, 0, (), 0, False), InstallSnapshot(0, 0, 0, 0, Configuration())):
        admitted, asked = pulse.hear(OTHER, message, at(100))
        assert (admitted, asked.said) == (True, [])
        assert (pulse.overhears(message), pulse.takes(message)) == (True, False)
    after = pulse.deadline()
    assert before is not None
    assert after is not None
    assert after > before


def test_what_is_neither_said_nor_told_is_handed_on() -> None:
    pulse = a_pulse()
    pulse.look(begun(OTHER, THIRD), at(1))
    asked = pulse.take(Read(b"token"), at(2))
    assert asked.others == [Unreadable(b"token")]

"""The journaled half of Raft as a machine: take in, then obey the rules until they are silent.

It has no clock of its own but two: when to repeat itself, and when a transfer has taken too long.
When to stand for election, when a leader is lost and when a majority has left it are known to the
volatile half (`pulse`), which says so by `Campaign`, `Follow` and `StepDown`: commands, so the
journal holds what came of them and not every heartbeat.

A node that restarts neither leads nor stands, whatever its journal says: of what it sent early in
its last tick the journal may know nothing, so in that term it never appends again (R1). It has its
term and its vote, so it votes for nobody else in it.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import assert_never

from meshkit.consensus.messages import Begin, Judge, Open, Propose, Validator
from meshkit.consensus.raft.confchange import is_next
from meshkit.consensus.raft.events import (
    Appended,
    CommitAdvanced,
    Event,
    HeightBegun,
    LeaderFound,
    LogCompacted,
    Opened,
    Repeated,
    Stalled,
    SteppedDown,
    TermBegun,
    TransferEnded,
)
from meshkit.consensus.raft.evolve import evolve
from meshkit.consensus.raft.hearing import Deciding, Unfolded, campaign, hand_over, hear
from meshkit.consensus.raft.log import term_at
from meshkit.consensus.raft.messages import (
    CONFIG,
    VALUE,
    Campaign,
    ChangeConfiguration,
    Command,
    Compact,
    Configuration,
    Effect,
    Follow,
    Learn,
    Nudge,
    StepDown,
    TransferLeadership,
    Unreachable,
)
from meshkit.consensus.raft.progress import PROBE, REPLICATE, SNAPSHOT
from meshkit.consensus.raft.rules import Timing, entry, may_change, may_propose
from meshkit.consensus.raft.speech import SILENT, speak
from meshkit.consensus.raft.state import FOLLOWER, LEADER, State, membership
from meshkit.core.machine import Heard, Moment, Restarted, Wake

SITE = Timing()  # the defaults


class Raft:
    """One member's side of it: a voter, a learner, or whoever only wants to know.

    With `targets` the leader walks to the validators that each height names. A bare engine without
    them changes its configuration by `ChangeConfiguration`.
    """

    SILENT = SILENT

    def __init__(self, me: bytes, timing: Timing = SITE, targets: bool = True) -> None:
        self.me = me
        self.timing = timing
        self.targets = targets

    def initial(self) -> State:
        return State(me=self.me)

    def evolve(self, state: State, event: Event) -> State:
        return evolve(state, event)

    def react(self, state: State, event: Event) -> Sequence[Effect]:
        return speak(state, event)

    def deadline(self, state: State) -> int | None:
        due_ns = state.again_due_ns
        if state.transfer_due_ns > 0 and (not due_ns or state.transfer_due_ns < due_ns):
            due_ns = state.transfer_due_ns
        return due_ns or None

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        return [event for event, _ in self.unfold(state, command, moment)]

    def unfold(self, state: State, command: Command, moment: Moment) -> Unfolded:
        """What is decided, each event with the state after it: the rules need that state anyway."""
        deciding = Deciding(state, self.timing, self.targets, moment.now_ns)
        if type(command) is Begin:
            _begin(deciding, command)
        elif not state.height:
            return ()
        elif type(command) is Heard:
            hear(deciding, command.sender, command.message)
        else:
            self._take(deciding, command)
        if deciding.unfolded:
            deciding.obey()
        return deciding.unfolded

    def _take(self, deciding: Deciding, command: Command) -> None:
        state, now_ns = deciding.state, deciding.now_ns
        match command:
            case Propose(height, round_, value):
                if may_propose(state, height, round_):
                    deciding.add(Appended(entry(state, VALUE, value), now_ns))
            case Open():
                if not state.opened and not state.decided:
                    deciding.add(Opened(state.height, now_ns))
            case Wake():
                self._wake(deciding)
            case Restarted():
                _restart(deciding)
            case Campaign(term):
                campaign(deciding, term, False)
            case Follow(term, leader):
                _follow(deciding, term, leader)
            case StepDown(term):
                if state.role == LEADER and term == state.term:
                    deciding.add(SteppedDown(term, now_ns))
            case Learn(index, term):
                if index > state.commit and term_at(state.log, index) == term:
                    deciding.add(CommitAdvanced(index, now_ns))
            case Nudge(member):
                _stall(deciding, member, (PROBE, REPLICATE))
            case Unreachable(member):
                _stall(deciding, member, (PROBE, REPLICATE, SNAPSHOT))
            case TransferLeadership(member):
                hand_over(deciding, member)
            case ChangeConfiguration(configuration):
                _change(deciding, configuration)
            case Compact(index):
                if state.log.offset < index <= state.applied:
                    deciding.add(LogCompacted(index))
            case Judge() | Begin() | Heard():
                return  # nobody judges here: whoever proposes is trusted
            case _:
                assert_never(command)

    def _wake(self, deciding: Deciding) -> None:
        while (due_ns := self.deadline(deciding.state)) is not None and due_ns <= deciding.now_ns:
            state = deciding.state
            if 0 < state.transfer_due_ns <= deciding.now_ns:
                deciding.add(TransferEnded(state.transferee, deciding.now_ns))
            else:
                deciding.add(Repeated(deciding.now_ns))
            deciding.obey()


def _begin(deciding: Deciding, command: Begin) -> None:
    state = deciding.state
    follows = state.decided and command.height == state.height + 1
    if state.height and not follows:
        return
    validators = state.target
    if not validators or command.validators != validators:
        validators = tuple(sorted(command.validators, key=attrgetter("id")))
        check(validators)
    deciding.add(HeightBegun(command.height, validators, deciding.now_ns))


def check(validators: Sequence[Validator]) -> None:
    """Every validator counts one: a ledger of weights is none for this engine."""
    assert validators, "a height needs validators"
    assert len({one.id for one in validators}) == len(validators), "a validator is named once"
    assert {one.weight for one in validators} == {1}, "under raft every validator weighs one"


def _restart(deciding: Deciding) -> None:
    state, now_ns = deciding.state, deciding.now_ns
    if state.again_ns == now_ns:
        return
    if state.role != FOLLOWER:
        deciding.add(SteppedDown(state.term, now_ns))
    deciding.add(Repeated(now_ns))


def _follow(deciding: Deciding, term: int, leader: bytes) -> None:
    state = deciding.state
    if term > state.term:
        deciding.add(TermBegun(term, leader, deciding.now_ns))
    elif term == state.term and state.role != LEADER and leader not in (b"", state.leader):
        deciding.add(LeaderFound(term, leader, deciding.now_ns))


def _stall(deciding: Deciding, member: bytes, modes: Sequence[int]) -> None:
    """What is under way to a peer is sent again, once a moment; a snapshot takes its time."""
    peer = deciding.state.peers.get(member)
    if peer is not None and peer.mode in modes and not deciding.answered:
        deciding.add(Stalled(member, deciding.now_ns))


def _change(deciding: Deciding, configuration: Configuration) -> None:
    state = deciding.state
    before, after = membership(state.configuration), membership(configuration)
    if may_change(state) and is_next(before, after):
        deciding.add(Appended(entry(state, CONFIG, configuration), deciding.now_ns))

"""The PBFT machine: take in, then obey the rules until they are silent.

A command that is refused leads to no event. What is taken in becomes an event, and then the rules
are asked (`rules`) until they have nothing more to say. What others say goes through the gates of
`hearing`; what we ask of the world follows from the events (`speech`).

Our own statements leave unsigned, and come back signed as `Heard(me, ...)`, by the same path as
everybody's: only then do they count, for certificates and proofs hold signatures. But what binds us
is in the journal before anything is signed (P17): no crash can make us say two things in one place,
and a signed statement of ours that the journal does not know is refused.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import assert_never

from meshkit.consensus.messages import Begin, Judge, Open, ProposalTaken, Propose, Validator
from meshkit.consensus.pbft.fold import evolve
from meshkit.consensus.pbft.hearing import Deciding, Unfolded, hear
from meshkit.consensus.pbft.messages import (
    CheckpointTaken,
    Command,
    Effect,
    Event,
    HeightBegun,
    Opened,
    PrimarySlow,
    Proposed,
    Repeated,
    ValueJudged,
)
from meshkit.consensus.pbft.pace import is_slow
from meshkit.consensus.pbft.rules import Timeouts, leave
from meshkit.consensus.pbft.speech import SILENT, speak
from meshkit.consensus.pbft.state import State, is_blocked, primary
from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import digest

PAPER = Timeouts()  # the policy's defaults
CHECKPOINT_HEIGHTS = (
    4  # the paper's K is 128 of many in flight; ours bounds what a view change shows
)


class Pbft:
    """One replica's side of it, or a follower's: who is no validator of a height never votes.

    `me` is our public key. `mesh` is the mesh id, which every statement is signed for; the machine
    sees no signatures, but whoever judges its evidence needs both (`evidence.proves`). All replicas
    must take checkpoints at the same heights: each `every`.
    """

    SILENT = SILENT

    def __init__(
        self,
        me: bytes,
        mesh: bytes,
        timeouts: Timeouts = PAPER,
        every: int = CHECKPOINT_HEIGHTS,
    ) -> None:
        self.me = me
        self.mesh = mesh
        self.timeouts = timeouts
        self.every = every

    def initial(self) -> State:
        return State()

    def evolve(self, state: State, event: Event) -> State:
        return evolve(state, event)

    def react(self, state: State, event: Event) -> Sequence[Effect]:
        return speak(state, self.me, event)

    def deadline(self, state: State) -> int | None:
        if state.decided or not state.height:
            return None
        due_ns = state.again_due_ns
        if 0 < state.timer_due_ns < due_ns:
            due_ns = state.timer_due_ns
        return state.slow_due_ns if 0 < state.slow_due_ns < due_ns else due_ns

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        return [event for event, _ in self.unfold(state, command, moment)]

    def unfold(self, state: State, command: Command, moment: Moment) -> Unfolded:
        """What is decided, each event with the state after it: the rules need that state anyway."""
        deciding = Deciding(state, self.me, self.timeouts, moment.now_ns)
        match command:
            case Heard():
                hear(deciding, command.sender, command.message)
            case Begin():
                _begin(deciding, command, self.every)
            case _ if not state.height or state.decided:
                return ()
            case Judge():
                height, value_id = command.height, command.value_id
                known = height == state.height and value_id in state.values
                if known and value_id not in state.judged:
                    deciding.add(ValueJudged(height, value_id, command.valid))
            case Open():
                if not state.opened:
                    deciding.add(Opened(state.height, moment.now_ns))
            case Propose():
                _propose(deciding, command)
            case Wake():
                self._wake(deciding)
            case Restarted():
                if state.again_ns != moment.now_ns:
                    deciding.add(Repeated(state.height, moment.now_ns, True))
            case _:
                assert_never(command)
        if deciding.unfolded:
            deciding.obey()
        return deciding.unfolded

    def _wake(self, deciding: Deciding) -> None:
        """A view that takes too long is left (P12), a slow primary voted out (P16)."""
        now_ns, me = deciding.now_ns, self.me
        while (due_ns := self.deadline(deciding.state)) is not None and due_ns <= now_ns:
            state = deciding.state
            if 0 < state.timer_due_ns <= now_ns:
                deciding.add(leave(state, state.view + 1, me, now_ns))
            elif 0 < state.slow_due_ns <= now_ns:
                deciding.add(PrimarySlow(state.height, state.view, now_ns))
                if is_slow(deciding.state.pace):
                    deciding.add(leave(deciding.state, state.view + 1, me, now_ns))
            else:
                deciding.add(Repeated(state.height, now_ns, False))
            deciding.obey()


def _begin(deciding: Deciding, command: Begin, every: int) -> None:
    """The next height, in the same view, unless other validators decide it (P14)."""
    state = deciding.state
    follows = state.decided and command.height == state.height + 1
    if state.height and not follows:
        return
    validators = _in_order(command.validators)
    same = bool(state.height) and validators == state.validators
    since = state.since if same else command.height
    deciding.add(HeightBegun(command.height, validators, since, every, deciding.now_ns))
    before = command.height - 1
    if same and before % every == 0 and deciding.me in state.weights and before > state.stable:
        deciding.add(CheckpointTaken(before, deciding.state.chain))


def _in_order(validators: Sequence[Validator]) -> tuple[Validator, ...]:
    """The validators of a height, sorted by id."""
    ordered = tuple(sorted(validators, key=attrgetter("id")))
    assert ordered, "a height needs validators"
    assert len({validator.id for validator in ordered}) == len(ordered), "a validator is named once"
    assert min(map(attrgetter("weight"), ordered)) > 0, "weights are positive"
    return ordered


def _propose(deciding: Deciding, command: Propose) -> None:
    """The answer to `ProposalWanted`, which may come late, or too late."""
    state, slot = deciding.state, deciding.state.slot
    now = (command.height, command.round) == (state.height, state.view) and state.active
    ours = primary(state) == deciding.me and slot.own is None and slot.pre_prepare is None
    if not now or not ours or is_blocked(state):
        return
    value_id = digest(command.value)
    if value_id not in state.values:
        taken = (state.height, state.view, value_id, deciding.me, command.value)
        deciding.add(ProposalTaken(*taken))
    deciding.add(Proposed(state.height, state.view, value_id))

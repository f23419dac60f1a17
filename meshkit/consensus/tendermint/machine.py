"""The Tendermint machine: take in, then obey the rules until they are silent.

A command that is refused leads to no event. What is taken in becomes an event, and then the rules
are asked (`rules`) until they have nothing more to say. What others say goes through the gates of
`hearing`; what we ask of the world follows from the events (`speech`).

Our own statements leave unsigned, and come back signed as `Heard(me, ...)`, by the same path as
everybody's: only then do they count, for a certificate holds signatures. But what binds us is
`VoteCast` and `Proposed` in the journal, before anything is signed: no crash can make us vote
twice, and a signed statement of ours that the journal does not know is refused (T11).
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import assert_never

from meshkit.consensus.absence import present
from meshkit.consensus.messages import (
    NIL,
    Begin,
    Judge,
    Open,
    ProposalTaken,
    Propose,
    Validator,
)
from meshkit.consensus.tendermint.fold import evolve
from meshkit.consensus.tendermint.hearing import Deciding, Unfolded, hear, is_late, one_more
from meshkit.consensus.tendermint.messages import (
    Command,
    Effect,
    Event,
    HeightBegun,
    Proposed,
    Repeated,
    ValueJudged,
    Vote,
)
from meshkit.consensus.tendermint.rules import Timeouts, cast, start
from meshkit.consensus.tendermint.speech import SILENT, speak
from meshkit.consensus.tendermint.state import PROPOSE, State, absences_after
from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import digest

PAPER = Timeouts()  # the policy's defaults


class Tendermint:
    """One validator's side of it, or a follower's: who is no validator of a height never votes.

    `me` is our public key. `mesh` is the mesh id, which every statement is signed for; the machine
    sees no signatures, but whoever judges its evidence needs both (`evidence.proves`).
    """

    SILENT = SILENT

    def __init__(self, me: bytes, mesh: bytes, timeouts: Timeouts = PAPER) -> None:
        self.me = me
        self.mesh = mesh
        self.timeouts = timeouts

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
        if 0 < state.step_due_ns < due_ns:
            due_ns = state.step_due_ns
        return state.round_due_ns if 0 < state.round_due_ns < due_ns else due_ns

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        return [event for event, _ in self.unfold(state, command, moment)]

    def unfold(self, state: State, command: Command, moment: Moment) -> Unfolded:
        """What is decided, each event with the state after it: the rules need that state anyway."""
        if type(command) is Heard and type(command.message) is Vote:
            counted = one_more(state, command.message, self.me)
            if counted is not None:
                return counted
            if is_late(state, command.sender, command.message, moment.now_ns):
                return ()
        deciding = Deciding(state, self.me, self.timeouts, moment.now_ns)
        match command:
            case Heard():
                hear(deciding, command.sender, command.message)
            case Begin():
                _begin(deciding, command)
            case _ if not state.height or state.decided:
                return ()
            case Judge():
                height, value_id = command.height, command.value_id
                known = height == state.height and value_id in state.values
                if known and value_id not in state.judged:
                    deciding.add(ValueJudged(height, value_id, command.valid))
            case Open():
                deciding.open()
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
        """Lines 57-67, and our own patience. A timer that fires is gone or moved (T7)."""
        now_ns = deciding.now_ns
        while (due_ns := self.deadline(deciding.state)) is not None and due_ns <= now_ns:
            state = deciding.state
            if 0 < state.round_due_ns <= now_ns:
                deciding.add(start(state, state.round + 1, self.me, self.timeouts, now_ns))
            elif 0 < state.step_due_ns <= now_ns:
                deciding.add(cast(state, state.step + 1, NIL, now_ns))
            else:
                deciding.add(Repeated(state.height, now_ns, False))
            deciding.obey()


def _begin(deciding: Deciding, command: Begin) -> None:
    """T8: with a new height everything of the old one is forgotten, locks included."""
    state = deciding.state
    follows = state.decided and command.height == state.height + 1
    if state.height and not follows:
        return
    same = state.height and command.validators == state.validators
    validators = state.validators if same else _in_order(command.validators)
    absences = absences_after(state, command.height, command.builder)
    turns = present(validators, absences, command.height) if absences else ()
    begun = HeightBegun(command.height, validators, deciding.now_ns, command.builder, turns)
    deciding.add(begun)
    for sender, statements in sorted(state.later.items()):
        for statement in statements:
            hear(deciding, sender, statement)
            deciding.obey()


def _in_order(validators: Sequence[Validator]) -> tuple[Validator, ...]:
    """The validators of a height, sorted by id."""
    ordered = tuple(sorted(validators, key=attrgetter("id")))
    assert ordered, "a height needs validators"
    assert len({validator.id for validator in ordered}) == len(ordered), "a validator is named once"
    assert min(map(attrgetter("weight"), ordered)) > 0, "weights are positive"
    return ordered


def _propose(deciding: Deciding, command: Propose) -> None:
    """The answer to `ProposalWanted`, which may come late, or too late."""
    state = deciding.state
    now = (command.height, command.round) == (state.height, state.round)
    ours = state.proposer == deciding.me and state.step == PROPOSE
    if not now or not ours or state.round in state.own:
        return
    value_id = digest(command.value)
    if value_id not in state.values:
        taken = (state.height, state.round, value_id, deciding.me, command.value)
        deciding.add(ProposalTaken(*taken))
    deciding.add(Proposed(state.height, state.round, -1, value_id))

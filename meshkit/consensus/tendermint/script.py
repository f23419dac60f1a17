"""One validator, played by hand: for traces of a specification, in plain numbers and texts.

Validators have numbers, from 1 on, and equal weights unless others are given. What comes in is what
the paper's rules speak of: that a round begins, proposals, votes, timeouts. Each call gives what
came of it, in the paper's words (`Output`), and `view` the paper's variables. All else is as it
always is: the machine is `Tendermint` itself, one command after another, and its own statements
come back to it as those of others do.

A value is a text, and valid unless it is in `invalid`. Whose turn a round is says `proposer`; a
trace that has other turns only needs to have them renumbered. A timeout comes when the trace says
so, whatever else is due before it, for to a specification their lengths mean nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from meshkit.consensus.messages import (
    NIL,
    Begin,
    Decided,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Validator,
)
from meshkit.consensus.tendermint.machine import PAPER, Tendermint
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Event,
    Proposal,
    Proposed,
    RoundStarted,
    TimerStarted,
    Vote,
    VoteCast,
)
from meshkit.consensus.tendermint.rules import Timeouts
from meshkit.consensus.tendermint.state import PROPOSE, State, turn
from meshkit.core.machine import Broadcast, Heard, Moment, Wake, step
from meshkit.core.value import Value, digest

STEPS = {PROPOSE: "propose", PREVOTE: "prevote", PRECOMMIT: "precommit"}
START_NS = 10**12  # when the clock stands at first
SIGNED = b"signed"  # a machine sees no signatures: whoever hears it has verified them


class Text(Value):
    """A value of a trace."""

    height: int
    text: str


class Output(NamedTuple):
    """What the validator does.

    `what` is "round" (which begins), "want" (it is to be told what to propose), "propose",
    "prevote", "precommit", "decide", or "timer" with the step that is timed in `text`. `text` is
    None for nil, and where there is none.
    """

    what: str
    round: int
    text: str | None = None
    valid_round: int = -1


class View(NamedTuple):
    """The paper's variables; None is its nil."""

    height: int
    round: int
    step: str
    locked_round: int
    locked: str | None
    valid_round: int
    valid: str | None
    decided: bool


class Player:
    """Validator `me` of so many, or of those with these weights."""

    def __init__(
        self,
        count: int = 4,
        me: int = 1,
        weights: Sequence[int] = (),
        timeouts: Timeouts = PAPER,
        invalid: Sequence[str] = (),
    ) -> None:
        self.me, self.invalid = me, frozenset(invalid)
        self.validators = tuple(
            Validator(_id(number), weight)
            for number, weight in enumerate(weights or (1,) * count, start=1)
        )
        self.machine = Tendermint(_id(me), b"", timeouts)
        self.state: State = self.machine.initial()
        self.now_ns = START_NS
        self._texts: dict[bytes, str] = {}
        self.take(Begin(1, self.validators))

    # -- what comes in -----------------------------------------------------------------------------

    def start(self) -> list[Output]:
        """The height's first round begins."""
        return self.take(Open())

    def next_height(self) -> list[Output]:
        """What was decided is applied; the next height waits to be started."""
        return self.take(Begin(self.state.height + 1, self.validators))

    def propose(self, text: str) -> list[Output]:
        """The answer to "want"."""
        return self.take(Propose(self.state.height, self.state.round, self._value(text)))

    def proposal(self, round_: int, text: str, valid_round: int = -1) -> list[Output]:
        """Whoever's turn that round is proposes this."""
        value, sender = self._value(text), turn(self.state, round_)
        said = Proposal(
            self.state.height, round_, valid_round, digest(value), sender, value, SIGNED
        )
        return self.take(Heard(sender, said))

    def prevote(self, voter: int, round_: int, text: str | None = None) -> list[Output]:
        return self._vote(PREVOTE, voter, round_, text)

    def precommit(self, voter: int, round_: int, text: str | None = None) -> list[Output]:
        return self._vote(PRECOMMIT, voter, round_, text)

    def timeout(self, step_: str) -> list[Output]:
        """That of "propose", "prevote" or "precommit", if it runs; else nothing comes of it."""
        state = self.state
        if step_ == STEPS[PRECOMMIT]:
            due_ns, others = state.round_due_ns, "step_due_ns"
        else:
            due_ns, others = state.step_due_ns, "round_due_ns"
            if STEPS[state.step] != step_:
                return []
        if not due_ns:
            return []
        self.now_ns = max(self.now_ns, due_ns)
        later = {
            name: self.now_ns + 2
            for name in (others, "again_due_ns")
            if 0 < getattr(state, name) <= self.now_ns + 1
        }
        self.state = replace(state, **later)
        return self.take(Wake())

    def take(self, command: Any) -> list[Output]:
        """Any command of the machine."""
        self.now_ns += 1
        self.state, entry, effects = step(self.machine, self.state, command, Moment(self.now_ns, 0))
        outputs = [said for event in entry.events for said in self._told(event)]
        for event in entry.events:
            if isinstance(event, ProposalTaken):
                valid = self._texts[event.value_id] not in self.invalid
                outputs += self.take(Judge(event.height, event.value_id, valid))
        for effect in effects:
            said = effect.message if isinstance(effect, Broadcast) else None
            if isinstance(said, Vote | Proposal) and not said.signature:
                outputs += self.take(Heard(_id(self.me), replace(said, signature=SIGNED)))
        return outputs

    # -- what is so --------------------------------------------------------------------------------

    def proposer(self, round_: int) -> int:
        """Whose turn a round of this height is."""
        return int.from_bytes(turn(self.state, round_))

    def view(self) -> View:
        state = self.state
        return View(
            state.height,
            state.round,
            STEPS[state.step],
            state.locked_round,
            self._text(state.locked_id),
            state.valid_round,
            self._text(state.valid_id),
            state.decided,
        )

    # -- inside ------------------------------------------------------------------------------------

    def _vote(self, kind: int, voter: int, round_: int, text: str | None) -> list[Output]:
        value_id = NIL if text is None else digest(self._value(text))
        said = Vote(kind, self.state.height, round_, value_id, _id(voter), SIGNED)
        return self.take(Heard(_id(voter), said))

    def _value(self, text: str) -> Text:
        value = Text(self.state.height, text)
        self._texts[digest(value)] = text
        return value

    def _text(self, value_id: bytes) -> str | None:
        return None if value_id == NIL else self._texts[value_id]

    def _told(self, event: Event) -> list[Output]:
        """What an event means in the paper's words, if anything."""
        match event:
            case RoundStarted(round=number, due_ns=due_ns):
                begun = Output("round", number)
                return [begun, Output("timer", number, STEPS[PROPOSE])] if due_ns else [begun]
            case ProposalWanted(round=number):
                return [Output("want", number)]
            case Proposed(round=number, valid_round=valid_round, value_id=value_id):
                return [Output("propose", number, self._text(value_id), valid_round)]
            case VoteCast(round=number, kind=kind, value_id=value_id):
                return [Output(STEPS[kind], number, self._text(value_id))]
            case TimerStarted(round=number, kind=kind):
                return [Output("timer", number, STEPS[kind])]
            case Decided(certificate=certificate):
                return [Output("decide", certificate.round, self._text(certificate.value_id))]
            case _:
                return []


def _id(number: int) -> bytes:
    return number.to_bytes(32)

"""One machine, played by hand: what it is told, what it does.

A `Play` is node 0 of a few validators. The node around it judges every value valid at once, unless
told otherwise, and its own statements come back signed, as the shell sees to.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from meshkit.consensus.messages import Begin, Judge, Open, ProposalTaken, Validator
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint import State, Tendermint, Timeouts
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Proposal, Vote, VoteCast
from meshkit.core.machine import Broadcast, Entry, Heard, Moment, Wake, step
from meshkit.core.value import Statement, Value, digest
from tests.consensus.tendermint.network import MESH, MS, Block, equals, name, sign

E = TypeVar("E")
ME = name(0)
PAPER = Timeouts()
V, W = Block(1, "v"), Block(1, "w")
v, w = digest(V), digest(W)


def vote(kind: int, number: int, value_id: bytes, voter: int, height: int = 1) -> Vote:
    return sign(Vote(kind, height, number, value_id, name(voter)))


def prevote(number: int, value_id: bytes, voter: int, height: int = 1) -> Vote:
    return vote(PREVOTE, number, value_id, voter, height)


def precommit(number: int, value_id: bytes, voter: int, height: int = 1) -> Vote:
    return vote(PRECOMMIT, number, value_id, voter, height)


def proposal(
    number: int,
    value: Value,
    valid_round: int = -1,
    height: int = 1,
    validators: Sequence[Validator] = equals(4),
) -> Proposal:
    """The proposal of whoever's turn it is."""
    turn = proposer(validators, height, number)
    return sign(Proposal(height, number, valid_round, digest(value), turn, value))


def turn_of(me: int, after: int = 0, count: int = 4, height: int = 1) -> int:
    """The first round from `after` on in which node `me` proposes."""
    validators = equals(count)
    return next(r for r in range(after, 99) if proposer(validators, height, r) == name(me))


class Play:
    """A machine and its state; `do` steps it, and keeps what came of it."""

    def __init__(
        self,
        me: int = 0,
        validators: Sequence[Validator] = equals(4),
        opened: bool = True,
        judge: Callable[[Value], bool | None] = lambda _: True,
        echo: bool = True,
        timeouts: Timeouts = PAPER,
    ) -> None:
        self.machine = Tendermint(name(me), MESH, timeouts)
        self.state: State = self.machine.initial()
        self.now_ns = 1_000 * MS
        self.judge, self.echo = judge, echo
        self.events: list[Any] = []
        self.effects: list[Any] = []
        self.journal: list[Entry] = []
        self.story: list[tuple[Any, int]] = []  # every command, refused ones too, and when
        self.do(Begin(1, tuple(validators)))
        if opened:
            self.do(Open())
        self.forget()

    def do(self, command: Any) -> list[Any]:
        """Step, then let the node answer; the events of all of it."""
        moment = Moment(self.now_ns, 0)
        self.story.append((command, self.now_ns))
        self.state, entry, effects = step(self.machine, self.state, command, moment)
        events = list(entry.events)
        if events:
            self.journal.append(entry)
        self.events += events
        self.effects += effects
        for event in list(events):
            if isinstance(event, ProposalTaken):
                verdict = self.judge(event.value)
                if verdict is not None:
                    events += self.do(Judge(event.height, event.value_id, verdict))
        for effect in effects:
            message: Any = effect.message if isinstance(effect, Broadcast) else None
            if isinstance(message, Statement) and self.echo:
                events += self.do(Heard(self.machine.me, sign(message)))
        return events

    def hear(self, *statements: Any, sender: bytes | None = None) -> list[Any]:
        """Messages as their signers send them, or `sender` passes them on."""
        events: list[Any] = []
        for statement in statements:
            kind = type(statement)
            signer = (
                getattr(statement, kind.SIGNER) if isinstance(statement, Statement) else name(1)
            )
            events += self.do(Heard(sender or signer, statement))
        return events

    def wake(self) -> list[Any]:
        """Sleep until the deadline."""
        due = self.machine.deadline(self.state)
        assert due is not None
        self.now_ns = max(self.now_ns, due)
        return self.do(Wake())

    def time_out(self) -> list[Any]:
        """Sleep until a timer of the protocol fires."""
        due = [ns for ns in (self.state.step_due_ns, self.state.round_due_ns) if ns]
        self.now_ns = max(self.now_ns, min(due))
        return self.do(Wake())

    def pass_ms(self, ms: int) -> None:
        self.now_ns += ms * MS

    def forget(self) -> None:
        self.events, self.effects = [], []

    def of(self, kind: type[E]) -> list[E]:
        """The events of a kind since the last `forget`."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def votes(self) -> list[tuple[int, int, bytes]]:
        """What we voted since the last `forget`: kind, round, value."""
        return [(cast.kind, cast.round, cast.value_id) for cast in self.of(VoteCast)]

    def sent(self, kind: type[E]) -> list[E]:
        """The messages of a kind that left since the last `forget`."""
        messages = [getattr(effect, "message", None) for effect in self.effects]
        return [message for message in messages if isinstance(message, kind)]

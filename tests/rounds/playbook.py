"""A playbook: what comes in, what goes out, line by line, as one node of a round sees it.

    play >> command     a command comes in, now
    play << effect      the next effect that went out is this one
    play.quiet()        nothing else went out
    play.later(ms)      time passes; whatever is due on the way is woken

The members are called by letters; `signed` gives a statement the signature its signer would.
"""

# A line of a playbook is an expression, and that is all it is.
# pyright: reportUnusedExpression=false

from functools import cache
from typing import Any, TypeVar

from blake3 import blake3
from msgspec.structs import replace

from meshkit.core.machine import Entry, Heard, Moment, Wake, step
from meshkit.core.value import Statement, canonical, digest, signing_digest
from meshkit.rounds.inclusion import grounds_of
from meshkit.rounds.machine import Rounds
from meshkit.rounds.messages import Attestation, Held, Holder, Open, Spec, Update
from meshkit.rounds.state import MS, Round, State

A, B, C, D, E, F, G = (bytes([letter]) * 32 for letter in b"ABCDEFG")
TASK, BASE, SEED = (digest(name) for name in ("task", "base", "seed"))
START_NS = 1_000 * MS

Said = TypeVar("Said", bound=Statement)


def spec(**changes: Any) -> Spec:
    usual = Spec(
        module="demo:digits",
        parameters="{}",
        quorum=0,
        deadline_ms=10_000,
        patience_ms=500,
        size=100,
        bits=16,
        scale_bits=12,
        strategy="fedavg",
        seed=7,
        samples_max=1_000,
        update_bytes=216,
        round_bytes_max=65_536,
        model_bytes=8_192,
    )
    return replace(usual, **changes)


def opening(members: tuple[bytes, ...] = (A, B, C, D), **changes: Any) -> Open:
    """Round 1, in which all `members` train and validate, each of weight 1, and A collects."""
    usual = Open(
        task=TASK,
        round=1,
        spec=spec(),
        base=BASE,
        seed=SEED,
        trainers=members,
        validators=tuple(Holder(member, 1) for member in members),
        ranking=members,
        committee=2,
        standby_ms=500,
    )
    return replace(usual, **changes)


def signed(statement: Said, nonce: int = 0) -> Said:
    """Signed by its signer; with another nonce, the same thing signed in another way."""
    signer = getattr(statement, statement.SIGNER)
    seed = signer + nonce.to_bytes(8, "big") + signing_digest(statement, b"mesh")
    return replace(statement, signature=blake3(seed).digest(64))


@cache
def update(of: bytes, **changes: Any) -> Update:
    usual = Update(of, TASK, 1, digest(["blob", of]), 216, 100, 900_000, 300_000)
    return signed(replace(usual, **changes))


def held(by: bytes, *updates: Update, round_: int = 1) -> Held:
    return signed(Held(by, TASK, round_, updates))


def grounds(lists: tuple[Held, ...], opened: Open | None = None) -> bytes:
    """What is attested to, among the usual participants or those of another opening."""
    return grounds_of(lists, opened or opening())


def attested(by: bytes, lists: bytes, model: bytes, **changes: Any) -> Attestation:
    return signed(replace(Attestation(by, TASK, 1, lists, model), **changes))


class Playbook:
    """One node and its clock."""

    def __init__(self, me: bytes = A) -> None:
        self.machine = Rounds(me)
        self.state: State = self.machine.initial()
        self.now_ns = START_NS
        self.out: list[Any] = []
        self.journal: list[Entry] = []

    def __rshift__(self, command: Any) -> "Playbook":
        """A command comes in. A statement is heard from its signer."""
        if isinstance(command, Statement):
            command = Heard(getattr(command, command.SIGNER), command)
        self.now_ns += 1
        self.state, entry, effects = step(self.machine, self.state, command, Moment(self.now_ns, 0))
        self.out.extend(effects)
        self.journal.append(entry)
        return self

    def __lshift__(self, effect: Any) -> "Playbook":
        assert self.out, f"nothing went out, expected {effect!r}"
        assert self.out.pop(0) == effect
        return self

    def later(self, ms: int) -> "Playbook":
        until_ns = self.now_ns + ms * MS
        while (due := self.machine.deadline(self.state)) is not None and due <= until_ns:
            self.now_ns = max(due - 1, self.now_ns)
            self >> Wake()
        self.now_ns = max(until_ns, self.now_ns)
        return self

    def quiet(self) -> "Playbook":
        assert not self.out, f"went out: {self.out!r:.500}"
        return self

    def skip(self) -> "Playbook":
        """Whatever went out is not what this story is about."""
        self.out.clear()
        return self

    def refused(self, command: Any) -> "Playbook":
        """The command leads to nothing, not even to a change of the state."""
        before = self.state
        self >> command
        assert self.events() == ()
        assert self.state == before
        return self

    def events(self) -> tuple[Any, ...]:
        """Of the last command."""
        return self.journal[-1].events

    def happened(self) -> tuple[str, ...]:
        """The names of the last command's events."""
        return tuple(type(event).__name__ for event in self.events())

    def collects(self) -> bool:
        return self.round.candidate is not None

    @property
    def round(self) -> Round:
        return self.state.rounds[TASK]


def size_of(value: object) -> int:
    return len(canonical(value))

"""A small mesh for the ledger's tests: Ada, Bob and Cyd found it, Olga commands, Dan may join.

Signatures are not the ledger's business, so here any 64 bytes will do. Hash chains are short: their
anchors lie CHAIN_LINKS links away from the secret instead of beacon.LINKS.
"""

from typing import ClassVar

from blake3 import blake3
from msgspec.structs import replace

from meshkit.core.machine import Moment
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.machine import Ledger
from meshkit.ledger.messages import (
    Accusation,
    Apply,
    Block,
    CancelTask,
    Credit,
    Event,
    Found,
    Genesis,
    Join,
    Member,
    Note,
    Operator,
    Policy,
    RemoveMember,
    RoundResult,
    SubmitTask,
    Task,
    Ticket,
)
from meshkit.ledger.state import State

CHAIN_LINKS = 60
SIGNED = b"s" * 64


def key(name: str) -> bytes:
    """Everybody's public key."""
    return blake3(name.encode()).digest()


def links(name: str) -> list[bytes]:
    """The hash chain of a member, its anchor first."""
    values = [key(f"secret of {name}")]
    for _ in range(CHAIN_LINKS):
        values.append(blake3(values[-1]).digest())
    return values[::-1]


CHAINS = {name: links(name) for name in ("ada", "bob", "cyd", "dan", "eve")}
ADA, BOB, CYD, DAN, EVE = (key(name) for name in CHAINS)
OLGA, PAUL = key("olga"), key("paul")
NAMES = {key(name): name for name in CHAINS}
MODEL = key("the initial model")


def member(name: str, roles: tuple[str, ...] = ("trainer", "validator"), weight: int = 1) -> Member:
    door = f"tcp://{name}.example"
    return Member(
        key(name),
        name,
        roles,
        weight,
        key(f"{name}'s transport"),
        f"{door}:1",
        f"{door}:2",
        f"{door}:3",
        f"{door}:4",
        CHAINS[name][0],
    )


GENESIS = Genesis(
    "garden",
    1,
    (member("ada"), member("bob"), member("cyd")),
    (
        Operator(OLGA, "olga", ("admit", "cancel", "remove", "submit")),
        Operator(PAUL, "paul", ()),
    ),
    Policy(allowed_tasks=("digits:Task",), samples_max=1_000),
)

TASK = Task(
    name="digits",
    module="digits:Task",
    parameters='{"hidden":32}',
    rounds=2,
    quorum=2,
    deadline_ms=5_000,
    patience_ms=100,
    size=10,
    bits=16,
    scale_bits=12,
    strategy="fedavg",
    initial=MODEL,
    seed=7,
)
TASK_ID = digest(TASK)


class Said(Statement):
    """Something that the members of these tests say; who says two things at one time lies."""

    DOMAIN: ClassVar[str] = "test/said/1"
    SIGNER: ClassVar[str] = "speaker"

    speaker: bytes
    time: int
    words: str
    signature: bytes = SIGNED


class Sung(Said):
    DOMAIN: ClassVar[str] = "test/sung/1"


def conflicts(first: Statement, second: Statement) -> bool:
    return isinstance(first, Said) and isinstance(second, Said) and first.time == second.time


class Nothing(Value):
    """A proof that nobody here looks at."""


def submit(task: Task = TASK, serial: int = 1, operator: bytes = OLGA) -> SubmitTask:
    return SubmitTask(operator, serial, task, SIGNED)


def cancel(serial: int = 2, task: bytes = TASK_ID, operator: bytes = OLGA) -> CancelTask:
    return CancelTask(operator, serial, task, SIGNED)


def remove(who: bytes, serial: int = 1, operator: bytes = OLGA) -> RemoveMember:
    return RemoveMember(operator, serial, who, SIGNED)


def join(newcomer: Member | None = None) -> Join:
    one = newcomer or member("dan")
    ticket = Ticket(OLGA, 1, one.id, one.roles, one.weight, SIGNED)
    return Join(one.id, ticket, one, SIGNED)


def note(author: bytes = ADA, serial: int = 1, payload: bytes = b"hello") -> Note:
    return Note(author, serial, payload, SIGNED)


def result(
    number: int = 0,
    base: bytes = MODEL,
    model: bytes = key("model 1"),
    credited: tuple[Credit, ...] | None = None,
    collector: bytes = ADA,
) -> RoundResult:
    if credited is None:
        credited = credit_to(ADA, BOB)
    return RoundResult(collector, TASK_ID, number, base, model, credited, Nothing(), SIGNED)


def credit_to(*submitters: bytes, samples: int = 100) -> tuple[Credit, ...]:
    return tuple(Credit(who, key("an update"), samples) for who in sorted(submitters))


def accuse(
    culprit: bytes = CYD, first: str = "yes", second: str = "no", time: int = 1, by: bytes = ADA
) -> Accusation:
    said, other = Said(culprit, time, first), Said(culprit, time, second)
    return Accusation(by, culprit, said, other, SIGNED)


class Mesh:
    """A ledger and its state, founded, with whoever proposes next in the right form."""

    def __init__(self, genesis: Genesis = GENESIS) -> None:
        self.ledger = Ledger(conflicts)
        self.state: State = self.ledger.initial()
        self.spent = dict.fromkeys(CHAINS, 0)
        self.tell(Found(genesis))

    def tell(self, command: Found | Apply) -> tuple[Event, ...]:
        events = tuple(self.ledger.decide(self.state, command, Moment(self.state.height, 0)))
        for event in events:
            self.state = self.ledger.evolve(self.state, event)
            assert self.ledger.react(self.state, event) == ()
        return events

    def block(self, *items: Statement, by: str = "ada") -> Block:
        link = CHAINS[by][self.spent[by] + 1]
        return Block(self.state.height + 1, self.state.previous, key(by), link, items)

    def decided(self, *items: Statement, by: str = "ada") -> tuple[Event, ...]:
        """Everybody finds the block good and it is decided; all events but `BlockApplied`."""
        block = self.block(*items, by=by)
        assert self.ledger.check_block(self.state, block) == ""
        self.spent[by] += 1
        return self.tell(Apply(block.height, block))[:-1]

    def check(self, item: Statement) -> str:
        """The slug of the refusal, or ""."""
        return self.ledger.check(self.state, item).partition(":")[0]

    def set(self, **fields: object) -> None:
        """What no short story leads to."""
        self.state = replace(self.state, **fields)

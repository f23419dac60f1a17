"""What the bare engines are made to agree on: a replicated service of registers, with sessions.

Clients call it: get, put, add, compare and set. Each result tells what was found before, or follows
from it, so no call goes by unseen. A call names its client and carries the client's
next number; the service remembers the last number and result of each client inside what is
replicated, so a call that comes twice, by whatever way, takes effect once and is answered alike
(Ongaro, "Consensus: bridging theory and practice", 2014, section 6.3). Values are batches of calls,
each bound to the one before, so the values decided are one hash chain. One kind of call seats other
validators, from the next height on.

What is replicated is `Books`; what waits, and who is to be answered, is each replica's own.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, TypeAlias, assert_never

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.messages import Validator
from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import Statement, Value, digest

GET, PUT, ADD, SWAP, SEAT = range(5)
KINDS = (GET, PUT, ADD, SWAP, SEAT)
ABSENT = 0  # what a register holds that nobody has put anything into

BATCH_MAX = 16  # calls in a value: small enough that clients at work fill several (a guess)
WAITING_MAX = 256  # calls that wait at a replica; whoever is not among them calls again (a guess)


class Call(Statement):
    """What a client wants: its number `sequence`, and what to do to which register.

    GET looks; PUT writes `first`; SWAP writes `second` where it finds `first`; the result of each
    is what was there before. ADD adds `first`, and its result is the sum. SEAT makes the members
    whose bits `first` has the validators.
    """

    DOMAIN: ClassVar[str] = "meshkit/sim/call/1"
    SIGNER: ClassVar[str] = "client"

    client: bytes
    sequence: int
    kind: int
    register: int
    first: int = 0
    second: int = 0
    signature: bytes = b""


class CallBatch(Value):
    """A value: what waits, bound to the value before."""

    height: int
    previous: bytes  # the id of the value before
    calls: tuple[Call, ...]
    builder: bytes = b""  # who put it together; empty: nobody says


class Session(Value):
    """The last call of a client that took effect, and what came of it."""

    sequence: int = 0
    result: int = 0


class Books(Value):
    """What is replicated."""

    height: int = 0
    previous: bytes = b""
    registers: Map[int, int] = Map()
    sessions: Map[bytes, Session] = Map()
    seated: int = 0  # bits of the members that are validators
    clerk: bytes = b""  # the one client that may seat others


class Desk(Value):
    """A replica's state of the service."""

    books: Books
    waiting: Map[bytes, Call] = Map()  # the next call of each client, by client
    asked: Map[bytes, int] = Map()  # the number of the last call that a client brought itself


# -- commands, events, effects ---------------------------------------------------------------------


class Apply(Value):
    """A value was decided."""

    value: CallBatch


class CallTaken(Value):
    """A call waits to be decided; `direct` if the client brought it itself."""

    call: Call
    direct: bool


class CallsApplied(Value):
    value: CallBatch


class AnswerRepeated(Value):
    """A client asks again about what has long been done."""

    client: bytes


class Relay(Value):
    """Effect: let the other replicas have this call."""

    call: Call


class Answer(Value):
    """Effect, and message: to a client, what came of its call."""

    client: bytes
    sequence: int
    result: int


Command: TypeAlias = Apply | Heard | Restarted | Wake
Event: TypeAlias = CallTaken | CallsApplied | AnswerRepeated
Effect: TypeAlias = Relay | Answer


# -- what a call does ------------------------------------------------------------------------------


def perform(books: Books, call: Call) -> tuple[Books, int]:
    """The books after a call, and its result."""
    found = books.registers.get(call.register, ABSENT)
    if call.kind == GET:
        return books, found
    if call.kind == PUT:
        return _write(books, call.register, call.first), found
    if call.kind == ADD:
        return _write(books, call.register, found + call.first), found + call.first
    if call.kind == SEAT:
        return replace(books, seated=call.first), call.first
    if found != call.first:
        return books, found
    return _write(books, call.register, call.second), found


def _write(books: Books, register: int, value: int) -> Books:
    return replace(books, registers=books.registers.set(register, value))


def settle(books: Books, batch: CallBatch) -> Books:
    """The books after a decided value: each call once, whatever stands in it twice."""
    for call in batch.calls:
        if call.sequence > books.sessions.get(call.client, Session()).sequence:
            books, result = perform(books, call)
            done = Session(call.sequence, result)
            books = replace(books, sessions=books.sessions.set(call.client, done))
    return replace(books, height=batch.height, previous=digest(batch))


def is_sensible(books: Books, call: Call) -> bool:
    """Whether a call means something, and its client may make it."""
    if call.kind not in KINDS or call.sequence <= 0:
        return False
    return call.kind != SEAT or (call.first > 0 and call.client == books.clerk)


def is_proper(books: Books, value: object) -> bool:
    """Whether a value may be decided after these books: what a replica judges by."""
    if type(value) is not CallBatch or not 0 < len(value.calls) <= BATCH_MAX:
        return False
    follows = (value.height, value.previous) == (books.height + 1, books.previous)
    return follows and all(is_sensible(books, call) for call in value.calls)


def batch(desk: Desk, builder: bytes = b"") -> CallBatch | None:
    """All that waits, as far as it fits; None if nothing does."""
    calls = tuple([call for _, call in sorted(desk.waiting.items())][:BATCH_MAX])
    books = desk.books
    return CallBatch(books.height + 1, books.previous, calls, builder) if calls else None


# -- the machine -----------------------------------------------------------------------------------


class Service:
    """The replicated service, at one replica of `roster`.

    `answers_all` where clients believe nobody alone: each replica then answers each call.
    """

    TIMELESS = True

    def __init__(
        self, roster: Sequence[Validator], seated: int, clerk: bytes, answers_all: bool
    ) -> None:
        self._roster = tuple(roster)
        self._first = Books(seated=seated, clerk=clerk)
        self._answers_all = answers_all
        self._seatings: dict[int, tuple[Validator, ...]] = {}

    def validators(self, books: Books) -> tuple[Validator, ...]:
        """Who decides the next height."""
        known = self._seatings.get(books.seated)
        if known is None:
            known = self._seatings[books.seated] = tuple(seats(self._roster, books.seated))
        return known

    def initial(self) -> Desk:
        return Desk(self._first)

    def decide(self, state: Desk, command: Command, moment: Moment) -> Sequence[Event]:
        match command:
            case Heard(sender, Call() as call):
                return _take(state, sender, call)
            case Apply(value):
                return (CallsApplied(value),) if value.height == state.books.height + 1 else ()
            case Heard() | Restarted() | Wake():
                return ()
            case _:
                assert_never(command)

    def evolve(self, state: Desk, event: Event) -> Desk:
        match event:
            case CallTaken(call, direct):
                asked = state.asked
                if direct:
                    asked = asked.set(call.client, call.sequence)
                return Desk(state.books, state.waiting.set(call.client, call), asked)
            case CallsApplied(value):
                books = settle(state.books, value)
                return Desk(books, _still_waiting(state, value, books), state.asked)
            case AnswerRepeated():
                return state
            case _:
                assert_never(event)

    def react(self, state: Desk, event: Event) -> Sequence[Effect]:
        match event:
            case CallTaken(call, direct):
                return (Relay(call),) if direct else ()
            case CallsApplied(value):
                return tuple(self._answers(state, value))
            case AnswerRepeated(client):
                return (_answer(state.books, client),)
            case _:
                assert_never(event)

    def deadline(self, state: Desk) -> int | None:
        return None

    def _answers(self, state: Desk, value: CallBatch) -> Iterator[Answer]:
        for call in value.calls:
            mine = self._answers_all or state.asked.get(call.client, 0) >= call.sequence
            if mine and state.books.sessions[call.client].sequence == call.sequence:
                yield _answer(state.books, call.client)


def seats(roster: Sequence[Validator], seated: int) -> Iterator[Validator]:
    """The members of the roster whose bits are set."""
    for number, validator in enumerate(roster):
        if seated >> number & 1:
            yield validator


def _take(state: Desk, sender: bytes, call: Call) -> Sequence[Event]:
    if not is_sensible(state.books, call):
        return ()
    direct = sender == call.client
    done = state.books.sessions.get(call.client, Session()).sequence
    if call.sequence <= done:
        return (AnswerRepeated(call.client),) if direct and call.sequence == done else ()
    waiting = state.waiting.get(call.client)
    if waiting is None:
        new = len(state.waiting) < WAITING_MAX
    else:
        again = direct and state.asked.get(call.client, 0) < call.sequence
        new = call.sequence > waiting.sequence or (again and call.sequence == waiting.sequence)
    return (CallTaken(call, direct),) if new else ()


def _still_waiting(state: Desk, value: CallBatch, books: Books) -> Map[bytes, Call]:
    waiting = state.waiting
    for client in [call.client for call in value.calls]:
        call = waiting.get(client)
        if call is not None and call.sequence <= books.sessions[client].sequence:
            waiting = waiting.delete(client)
    return waiting


def _answer(books: Books, client: bytes) -> Answer:
    session = books.sessions[client]
    return Answer(client, session.sequence, session.result)

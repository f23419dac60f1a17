"""Clients: who calls the service, again and again, and writes down what it saw.

A client has one call under way at a time. It asks one replica, and when no answer comes, others,
with the same number, so that it is done once. Where replicas may lie it believes a result that
those who weigh more than a third tell it alike (Castro and Liskov 1999, section 4.1), for one of
them is honest; else it believes the first. In the end it may give up: then the outcome is unknown,
and it says so, for the call may still take effect, later or never.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from meshkit.consensus.quorum import more_than_third
from meshkit.core.value import Value
from meshkit.sim.agenda import MS
from meshkit.sim.engines.service import ABSENT, ADD, GET, PUT, SEAT, SWAP, Answer, Call
from meshkit.sim.linearizable import Operation
from meshkit.sim.people import Person
from meshkit.sim.voice import Spoken, signed_by

if TYPE_CHECKING:
    from meshkit.sim.engines.world import World

NUMBER_FIRST = 1_000  # of a client among those that links connect: beyond any replica's
UNIQUE = 1_000_000  # times its number and more: what a client puts, nobody else does,
APART = 1_000  # nor comes near by adding to something else

# What a client does, each as often as it stands here (a guess: reads show most, sums the rest).
MIX = (GET, GET, GET, PUT, PUT, ADD, ADD, SWAP)


class Habits(Value):
    """How clients behave."""

    registers: int = 3  # that they share
    think_ns: int = 10 * MS  # about how long between two calls
    patience_ns: int = 400 * MS  # until a call is made again
    attempts: int = 6  # of one call, until it is given up


class Asked(NamedTuple):
    """What an operation asks of a register."""

    kind: int
    register: int
    first: int
    second: int


class Client:
    """One client; `number` tells it apart."""

    def __init__(self, world: "World", person: Person, number: int, habits: Habits) -> None:
        self.world, self.person, self.me = world, person, person.key
        self.number = NUMBER_FIRST + number
        self.habits = habits
        self.history: list[Operation[Asked]] = []
        self.sequence = 0
        self.call: Call | None = None  # the one under way
        self.resting = False  # whether it makes no new calls
        self.insistent = False  # whether it never gives up
        self._left: int | None = None  # calls that it will still make, if that is known
        self._dice = world.dice("client", number)
        self._begun = 0
        self._attempt = 0
        self._answers: dict[bytes, int] = {}
        self._seen: dict[int, int] = {}  # what it last found in a register
        self._weights = {validator.id: validator.weight for validator in world.roster}
        self._total = sum(self._weights.values())

    def begin(self) -> None:
        self.world.agenda.after(self._dice.between(1, 2 * self.habits.think_ns), self._next)

    def finish(self, calls: int) -> None:
        """Make so many more calls, insist on an answer to each, and rest."""
        self.insistent = True
        self._left = 0 if self.resting else calls + (self.call is not None)

    # -- calling ----------------------------------------------------------------------------------

    def _next(self) -> None:
        if self.call is None and not self.resting:
            self.ask(self._drawn())

    def _drawn(self) -> Asked:
        dice = self._dice
        kind, register = dice.pick(MIX), dice.below(self.habits.registers)
        new = (self.number * UNIQUE + self.sequence) * APART
        if kind == PUT:
            return Asked(PUT, register, new, 0)
        if kind == ADD:
            return Asked(ADD, register, 1, 0)
        if kind == SWAP:
            return Asked(SWAP, register, self._seen.get(register, ABSENT), new)
        return Asked(GET, register, 0, 0)

    def ask(self, asked: Asked) -> None:
        """Make a call, the next in number."""
        assert self.call is None, "one call at a time"
        self.sequence += 1
        call = Call(self.me, self.sequence, *asked)
        self.call = signed_by(self.person, call, self.world.id, False)
        self._begun, self._attempt, self._answers = self.world.stamp(), 0, {}
        self._send(self.sequence)

    def _send(self, sequence: int) -> None:
        """Try once more, or give up. At first one replica is asked, then two, then all."""
        call = self.call
        if call is None or call.sequence != sequence:
            return
        habits, world = self.habits, self.world
        if self._attempt >= habits.attempts and not self.insistent:
            world.watch.happened("a call was given up")
            self._end(None)
            return
        asked = self._dice.shuffled(world.replicas)
        if self._attempt < 2:
            asked = asked[: self._attempt + 1]
        self._attempt += 1
        world.network.post(self.number, asked, world.spoken(self.me, call), world.agenda.now_ns)
        wait_ns = habits.patience_ns + self._dice.below(habits.patience_ns)
        world.agenda.after(wait_ns, self._send, sequence)

    # -- being answered ---------------------------------------------------------------------------

    def hear(self, said: Spoken) -> None:
        answer: object = said.command.body.message
        call = self.call
        if call is None or type(answer) is not Answer:
            return
        if answer.sequence != call.sequence or answer.client != self.me:
            return
        if not self.world.kit.engine.attests:
            self._end(answer.result)
            return
        self._answers.setdefault(said.sender, answer.result)
        alike = [id_ for id_, told in self._answers.items() if told == answer.result]
        if more_than_third(sum(self._weights.get(id_, 0) for id_ in alike), self._total):
            self._end(answer.result)

    def _end(self, result: int | None) -> None:
        call, self.call = self.call, None
        assert call is not None, "a call ends once"
        ended = None if result is None else self.world.stamp()
        asked = Asked(call.kind, call.register, call.first, call.second)
        if call.kind != SEAT:
            self.history.append(Operation(self._begun, ended, asked, result))
            if result is not None:
                self._seen[call.register] = after(asked, result)
        if result is not None:
            self.world.answered(self, call, result)
        if self._left is not None:
            self._left -= 1
            self.resting = self._left <= 0
        if not self.resting:
            self.world.agenda.after(self._dice.below(2 * self.habits.think_ns) + 1, self._next)

    def unfinished(self) -> None:
        """All is over: what is under way has no known outcome."""
        if self.call is not None:
            self._end(None)


# -- what a register does, for whoever asks whether it can have done it ----------------------------


def before(asked: Asked, result: int) -> int:
    """What a register held before an operation with this result."""
    return result - asked.first if asked.kind == ADD else result


def after(asked: Asked, result: int) -> int:
    """What it held afterwards."""
    found = before(asked, result)
    if asked.kind == SWAP:
        return asked.second if found == asked.first else found
    return {GET: found, PUT: asked.first, ADD: result}[asked.kind]


def register(state: int, asked: Asked, result: int | None) -> int | None:
    """What a register holds after an operation; None if it cannot have had this result."""
    if result is None:
        result = state + asked.first if asked.kind == ADD else state
    return after(asked, result) if before(asked, result) == state else None


def leads(wanted: Sequence[Operation[Asked]], left: Sequence[Asked]) -> Callable[[int], bool]:
    """From what a register holds, whether one of `wanted` may come next, after some of `left`.

    Those of unknown outcome that somebody's put would write over need never have happened. So only
    sums and swaps may come between; sums are of one, each, and count.
    """
    most = sum(asked.kind == ADD for asked in left)
    swaps = [asked for asked in left if asked.kind == SWAP]
    needed = sorted({before(one.asked, one.result) for one in wanted if one.result is not None})

    def lead(held: int) -> bool:
        reached = [held]
        for value in reached:  # which grows
            place = bisect_left(needed, value)
            if place < len(needed) and needed[place] <= value + most:
                return True
            for swap in swaps:
                if 0 <= swap.first - value <= most and swap.second not in reached:
                    reached.append(swap.second)
        return False

    return lead

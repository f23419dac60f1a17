"""A counter that clients add to and read through a site in trouble, and what they saw.

The counter is folded from the one history of decided values, with its table of sessions, so what a
node knows is how far it has decided. A client asks one node; what it hears nothing of it asks
again, perhaps when it was decided long ago, and what it gives up is unknown. Every operation has a
place: an addition the count it made, a read the count it saw. The history is linearizable if
whatever ended before another began is not placed after it; additions have places of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from meshkit.consensus import sessions
from meshkit.consensus.messages import Open
from meshkit.consensus.raft import Timing
from meshkit.consensus.raft.beat import Read
from meshkit.consensus.raft.state import State
from meshkit.consensus.sessions import FRESH, Client, Done, Table
from meshkit.core.value import Value
from tests.consensus.raft.network import MS, SECOND, App, Net, Node, Weather, equals

AGAIN_NS = 200 * MS  # after which a client asks again
GIVEN_UP_NS = 500 * MS  # and after which no more
POLL_NS = 2 * MS  # how often a client looks


class Request(Value):
    client: bytes
    sequence: int


class Requests(Value):
    """What is decided at a height."""

    requests: tuple[Request, ...]


@dataclass
class Op:
    """What a client did: from when to when, and its place; None where the outcome is unknown."""

    adds: bool
    begun_ns: int
    ended_ns: int = 0
    place: int | None = None


@dataclass
class Counter:
    """The count and the table after each height, and what each request was answered."""

    after: list[tuple[int, Table]]
    replies: dict[Request, tuple[int, bytes]] = field(
        default_factory=dict[Request, tuple[int, bytes]]
    )
    executed: int = 0
    repeated: int = 0

    def fold(self, value: Requests) -> None:
        count, table = self.after[-1]
        for one in value.requests:
            count, done = sessions.apply(table, one.client, one.sequence, count, add)
            table = done.table
            self.executed += done.outcome == FRESH
            self.repeated += done.outcome != FRESH
            self.replies.setdefault(one, (len(self.after), done.reply))
        self.after.append((count, table))


def add(count: int) -> tuple[int, bytes]:
    return count + 1, str(count + 1).encode()


def reach(state: State) -> int:
    """Up to which height all is decided there."""
    return state.height - 1 + state.decided


class Service:
    """A site, its clients, and a nemesis that cuts the network ever anew."""

    def __init__(self, seed: int, weather: Weather, timing: Timing, clients: int = 4) -> None:
        self.random = Random(seed)
        self.pool: list[Request] = []
        app = App(0, lambda _: equals(3), self._value)  # a height is opened when the clock says so
        self.net = Net(app, weather, seed, timing)
        self.net.read = self._read
        self.nodes = self.net.join(range(3))
        table, names = Table(), list[bytes]()
        for _ in range(clients):
            table, name_ = sessions.register(table)
            names.append(name_)
        self.counter = Counter([(0, table)])
        self.ops: list[Op] = []
        self.reading: dict[bytes, tuple[Op, Callable[[], None]]] = {}
        for number, name_ in enumerate(names):
            self.net.at(SECOND + number * MS, partial(self._next, Client(name_)))
        self.net.at(0, self._open)

    def _value(self, me: bytes, height: int, round_: int) -> Value | None:
        """All that anybody asked lately, done already or not: so much is decided twice."""
        return Requests(tuple(self.pool[-12:]))

    def _open(self) -> None:
        for node in self.nodes:
            node.take(Open())
        self.net.at(self.net.now_ns + 10 * MS, self._open)

    def known(self, node: Node, durable: bool) -> int:
        """Fold the history up to what a node has decided; that height."""
        height = reach(node.durable if durable else node.raft)
        while len(self.counter.after) <= height:
            value = node.store[len(self.counter.after)].value
            assert isinstance(value, Requests)
            self.counter.fold(value)
        return height

    # -- clients

    def _next(self, client: Client) -> None:
        if self.net.now_ns > self.net.weather.calm_ns + SECOND:
            return
        node, now_ns = self.random.choice(self.nodes), self.net.now_ns
        op = Op(self.random.random() < 0.5, now_ns)
        self.ops.append(op)
        if op.adds:
            client = sessions.request(client)
            one = Request(client.name, client.sequence)
            self.pool.append(one)
            self._wait(client, one, op, node)
        else:
            token = len(self.ops).to_bytes(8)
            after = partial(self._next, client)
            self.reading[token] = op, after
            node.take(Read(token))
            self.net.at(now_ns + GIVEN_UP_NS, partial(self._read, node, token, False))

    def _wait(self, client: Client, one: Request, op: Op, node: Node) -> None:
        now_ns = self.net.now_ns
        decided = self.known(node, True)
        if node.up and one in self.counter.replies:
            height, reply = self.counter.replies[one]
            if height <= decided:
                client, outcome = sessions.heard(client, one.sequence, FRESH, reply)
                assert isinstance(outcome, Done)
                op.ended_ns, op.place = now_ns, int(outcome.reply)
                self._rest(partial(self._next, client))
                return
        if now_ns - op.begun_ns > GIVEN_UP_NS:
            client, _ = sessions.give_up(client)
            self._rest(partial(self._next, client))
            return
        if (now_ns - op.begun_ns) % AGAIN_NS < POLL_NS:
            self.pool.append(one)
        self.net.at(now_ns + POLL_NS, partial(self._wait, client, one, op, node))

    def _rest(self, then: Callable[[], None]) -> None:
        self.net.at(self.net.now_ns + self.random.randint(1, 20) * MS, then)

    def _read(self, node: Node, token: bytes, able: bool) -> None:
        waiting = self.reading.pop(token, None)
        if waiting is None:
            return
        op, then = waiting
        if able:
            op.place = self.counter.after[self.known(node, False)][0]
            op.ended_ns = self.net.now_ns
        self._rest(then)

    # -- trouble

    def trouble(self, until_ns: int) -> None:
        """Now and then somebody is cut off from somebody, mostly a leader from the rest."""
        net, random = self.net, self.random
        if net.now_ns > until_ns:
            return
        leader = net.leader()
        whom = leader.me if leader and random.random() < 0.7 else random.choice(self.nodes).me
        shape = random.choice(["none", "alone", "alone", "deaf", "mute"])
        cuts: dict[str, Callable[[bytes, bytes], bool]] = {
            "none": lambda _a, _b: False,
            "alone": lambda a, b: whom in (a, b),
            "deaf": lambda _a, b: b == whom,
            "mute": lambda a, _b: a == whom,
        }
        net.weather.cut = cuts[shape]
        later_ns = net.now_ns + random.randint(100, 900) * MS
        net.at(later_ns, partial(self.trouble, until_ns))

    # -- judgement

    def stale(self) -> list[Op]:
        """Those that are placed before something that had ended when they began."""
        known = [op for op in self.ops if op.place is not None]
        ended = sorted((op.ended_ns, op.place or 0) for op in known)
        wrong: list[Op] = []
        highest, done = -1, 0
        for op in sorted(known, key=lambda op: op.begun_ns):
            while done < len(ended) and ended[done][0] < op.begun_ns:
                highest, done = max(highest, ended[done][1]), done + 1
            place = op.place or 0
            if place < highest or (op.adds and place == highest):
                wrong.append(op)
        return wrong

"""A replicated register with clients: what is asked of it, decided, executed once, and answered.

The clients are no members. They say their requests to all, again and again, and believe a reply
that more than a third give alike (`meshkit.consensus.pbft.clients`). Each replica executes what was
decided in the order of heights, with the table of sessions as part of what it keeps; it passes on
what it was asked, and opens the height, so that the primary cannot ignore a client for long.
"""

from dataclasses import dataclass, field

from immutables import Map

from meshkit.consensus import sessions
from meshkit.consensus.messages import Decided, Open, ProposalWanted, Propose
from meshkit.consensus.pbft.clients import Caller, Reply, Request, cached, call, hear
from meshkit.consensus.pbft.face import is_dormant, wanted
from meshkit.core.machine import Entry, Heard
from meshkit.core.value import Value
from tests.consensus.pbft.network import MS, App, Net, Speaker, brain, equals, name, opens, sign


class Orders(Value):
    """What is decided at a height: the requests that wait, in the order of their clients."""

    height: int
    requests: tuple[Request, ...]


class Books(Value):
    """The replicated state: what each client has added up, and the sessions."""

    sums: Map[bytes, int] = Map()
    table: sessions.Table = sessions.Table()


def execute(books: Books, request: Request) -> Books:
    """P7: a request that was executed before changes nothing."""

    def run(sums: Map[bytes, int]) -> tuple[Map[bytes, int], bytes]:
        total = sums.get(request.client, 0) + int.from_bytes(request.body)
        return sums.set(request.client, total), total.to_bytes(8)

    table = sessions.admit(books.table, request.client)
    sums, applied = sessions.apply(table, request.client, request.sequence, books.sums, run)
    return Books(sums, applied.table)


@dataclass
class Replica(Speaker):
    """A node with the service behind it."""

    books: Books = field(default_factory=Books)
    waiting: dict[bytes, Request] = field(default_factory=dict[bytes, Request])
    executed: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])

    def ask(self, request: Request, relay: bool) -> None:
        """A client's request, from itself or passed on by another replica."""
        table = sessions.admit(self.books.table, request.client)
        said = cached(table, request, brain(self).view, self.me)
        if said is not None:
            self.answer(said)
            return
        if relay:
            for other in self.net.nodes.values():
                if other is not self:
                    self.net.post(self.me, other.me, request)
        self.waiting[request.client] = request
        self.take(Open())
        self.propose()

    def take(self, command: object) -> None:
        """A request among the messages of the others is for the service."""
        if isinstance(command, Heard) and isinstance(command.message, Request):
            self.ask(command.message, relay=command.sender == command.message.client)
        else:
            super().take(command)

    def propose(self) -> None:
        place = wanted(brain(self))
        if place is None or not self.waiting:
            return
        requests = tuple(request for _, request in sorted(self.waiting.items()))
        super().take(Propose(*place, Orders(place[0], requests)))

    def answer(self, said: Reply) -> None:
        client = getattr(self.net, "clients", {}).get(said.client)
        if client is not None:
            signed = sign(said)
            self.net.at(self.net.now_ns + MS, lambda: client.hear(signed))

    def _note(self, entry: Entry) -> None:
        super()._note(entry)
        for event in entry.events:
            match event.body:
                case Decided(value=value):
                    self.apply(value)
                case ProposalWanted():
                    self.net.at(self.net.now_ns, self.propose)
                case _:
                    pass

    def apply(self, value: Value) -> None:
        assert isinstance(value, Orders)
        for request in value.requests:
            before = self.books.table.requests
            self.books = execute(self.books, request)
            if self.books.table.requests > before:
                self.executed.append((request.client, request.sequence))
            said = cached(self.books.table, request, brain(self).view, self.me)
            if said is not None:
                self.answer(said)
            if self.waiting.get(request.client) == request:
                del self.waiting[request.client]
        if self.waiting:
            self.net.at(self.net.now_ns, self.reopen)

    def reopen(self) -> None:
        if self.waiting and is_dormant(brain(self)):
            super().take(Open())


@dataclass
class Client:
    """Adds one again and again, a request at a time."""

    net: "ServiceNet"
    me: bytes
    count: int
    retry_ns: int = 150 * MS  # until it says its request again
    caller: Caller = field(default_factory=lambda: Caller(sessions.Client(b"")))
    outcomes: list[sessions.Outcome] = field(default_factory=list[sessions.Outcome])

    def start(self) -> None:
        self.caller = Caller(sessions.Client(self.me))
        self.next()

    def next(self) -> None:
        if len(self.outcomes) < self.count:
            self.caller = call(self.caller, (1).to_bytes(1))
            self.say(self.caller.session.sequence)

    def say(self, sequence: int) -> None:
        """To all, until there is an outcome."""
        request = self.caller.request
        if request is None or request.sequence != sequence:
            return
        for node in self.net.nodes.values():
            self.net.post(self.me, node.me, self.seal(request, node.me))
        self.net.at(self.net.now_ns + self.retry_ns, lambda: self.say(sequence))

    def seal(self, request: Request, to: bytes) -> Request:
        return sign(request)

    def hear(self, said: Reply) -> None:
        if not opens(said):
            return
        weights = Map({validator.id: validator.weight for validator in equals(4)})
        self.caller, outcome = hear(self.caller, said, weights)
        if outcome is not None:
            self.outcomes.append(outcome)
            self.net.at(self.net.now_ns, self.next)


@dataclass
class ServiceNet(Net):
    """Replicas and their clients."""

    clients: dict[bytes, Client] = field(default_factory=dict[bytes, Client])

    def employ(
        self, numbers: list[int], count: int, kind: type[Client] = Client, retry_ns: int = 150 * MS
    ) -> list[Client]:
        employed = [kind(self, name(number), count, retry_ns) for number in numbers]
        for client in employed:
            self.clients[client.me] = client
            client.start()
        return employed


def passive() -> App:
    """The policies of a node whose service proposes by itself."""
    return App(heights=0, value=lambda _me, _height, _round: None)

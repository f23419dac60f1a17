"""A site in a box: both halves of Raft, a network and disks in virtual time.

Each node does what the shell owes (`meshkit.consensus.raft`): it drains its inbox, steps the
journaled half inside a composite with the policies of a driver, sends what is early, waits for its
disk, and only then does the rest and shows the volatile half the state. A crash loses the ticks
that were not durable, whole, and whatever the volatile half knew. One seed drives it all.

`Watch` sees every event of every node and holds it to the properties of the paper: one leader a
term, logs alike, leaders complete, one history of values. What is committed must be durable at a
majority at that moment, for it is the simulator that knows.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from meshkit.consensus.messages import (
    Begin,
    Committed,
    Decided,
    Open,
    ProposalWanted,
    Propose,
    Serve,
    Validator,
)
from meshkit.consensus.raft import Pulse, Raft, State, Timing
from meshkit.consensus.raft.beat import Look, Read, Readable, Saved, Saving, Tell, Unreadable
from meshkit.consensus.raft.both import FLEETING, OVERHEARD
from meshkit.consensus.raft.events import CommitAdvanced, Elected
from meshkit.consensus.raft.evolve import evolve
from meshkit.consensus.raft.log import last_index, term_at
from meshkit.consensus.raft.messages import Early, Keep, Notice
from meshkit.consensus.raft.pulse import admits
from meshkit.consensus.raft.quorum import WON, joint_vote_result
from meshkit.consensus.raft.state import LEADER, is_alone
from meshkit.core.composite import At, Composite, Policy
from meshkit.core.machine import (
    Broadcast,
    Entry,
    Heard,
    Moment,
    Restarted,
    Send,
    Wake,
    step,
)
from meshkit.core.value import Value, digest
from tests.consensus.tendermint.network import MS, SECOND, Block, equals, name

__all__ = ["MS", "SECOND", "App", "Block", "Net", "Node", "Weather", "equals", "name"]

NAME = "consensus"
SERVED_MAX = 50  # heights a store sends at once
COMMANDS_MAX = 64  # of a tick


@dataclass
class Weather:
    """What network, disks and power do; after `calm_ns` nothing is lost and all is quick."""

    loss: float = 0.0
    repeat: float = 0.0
    delay_us: tuple[int, int] = (200, 200)
    sync_us: tuple[int, int] = (0, 0)  # of a tick
    crash: float = 0.0  # at each of the places of a tick where it can
    away_ms: tuple[int, int] = (1, 400)  # how long a crashed node is gone
    calm_ns: int = 0
    cut: Callable[[bytes, bytes], bool] = lambda _from, _to: False  # while it is not calm


@dataclass
class App:
    """The driver: what is proposed, how far it goes, and who shall vote."""

    heights: int = 1
    validators: Callable[[int], Sequence[Validator]] = lambda _: equals(3)
    value: Callable[[bytes, int, int], Value | None] = lambda me, height, round_: Block(
        height, f"{me[0]}/{round_}"
    )

    def node(self, me: bytes, machine: Any) -> Composite:
        def wanted(_: Any, event: ProposalWanted) -> Sequence[At]:
            value = self.value(me, event.height, event.round)
            if value is None:
                return ()
            return (At(NAME, Propose(event.height, event.round, value)),)

        def decided(_: Any, event: Decided) -> Sequence[At]:
            height = event.certificate.height + 1
            begin = At(NAME, Begin(height, tuple(self.validators(height))))
            return (begin, At(NAME, Open())) if height <= self.heights else (begin,)

        policies: dict[tuple[str, type], Sequence[Policy]] = {
            (NAME, ProposalWanted): (wanted,),
            (NAME, Decided): (decided,),
        }
        return Composite({NAME: machine}, policies)


@dataclass
class Watch:
    """The one history, and the properties of figure 3 of the paper."""

    leaders: dict[int, bytes] = field(default_factory=dict[int, bytes])
    places: dict[int, int] = field(default_factory=dict[int, int])  # committed: index, term
    when: dict[int, int] = field(default_factory=dict[int, int])  # and in which term that was
    chain: dict[int, bytes] = field(default_factory=dict[int, bytes])  # of decided values
    elections: int = 0

    def step(self, node: "Node", state: State, events: Iterable[Any]) -> None:
        """The events of one command, each looked at with the state just after it."""
        for event in events:
            before, state = state, evolve(state, event)
            assert state.commit >= before.commit, "R24: the commit never regresses"
            assert state.commit <= last_index(state.log), "R24: nor is it beyond the log"
            assert state.applied <= state.commit
            match event:
                case Elected(term):
                    self.elections += 1
                    assert self.leaders.setdefault(term, node.me) == node.me, "election safety"
                    self._complete(state)
                case CommitAdvanced(index):
                    self._commit(node, state, index)
                case Decided(certificate, value):
                    self._decide(node, certificate.height, digest(value))
                case _:
                    pass

    def _complete(self, state: State) -> None:
        """A leader has whatever was committed in terms before its own."""
        for index, term in self.places.items():
            if self.when[index] >= state.term:
                continue
            assert index <= state.log.offset or term_at(state.log, index) == term, "complete"

    def _commit(self, node: "Node", state: State, index: int) -> None:
        known = max(self.places, default=0)
        for place in range(state.log.offset + 1, index + 1):
            term = term_at(state.log, place)
            assert term is not None
            assert self.places.setdefault(place, term) == term, "state machine safety"
            self.when.setdefault(place, state.term)
        if index > known:
            configuration = state.configuration
            held = {
                other.me: index <= other.durable.log.offset
                or term_at(other.durable.log, index) == self.places[index]
                for other in node.net.nodes.values()
            }
            result = joint_vote_result(configuration.voters, configuration.outgoing, held)
            assert result == WON, "R1: what is committed is durable at a majority"

    def _decide(self, node: "Node", height: int, value_id: bytes) -> None:
        assert height not in node.chain, "a height is decided once"
        link = digest((node.chain.get(height - 1, b""), value_id))
        node.chain[height] = link
        assert self.chain.setdefault(height, link) == link, "R24: one hash-chained history"

    def alike(self, nodes: Iterable["Node"]) -> None:
        """Log matching: the same index and term, the same entry and all before it."""
        logs = [node.raft.log for node in nodes]
        for log in logs:
            for other in logs:
                first, last = max(log.offset, other.offset) + 1, min(map(last_index, (log, other)))
                same = [i for i in range(first, last + 1) if term_at(log, i) == term_at(other, i)]
                if same:
                    ours = log.entries[first - log.offset - 1 : same[-1] - log.offset]
                    theirs = other.entries[first - other.offset - 1 : same[-1] - other.offset]
                    assert ours == theirs, "log matching"


@dataclass
class Node:
    """One node: its two halves, its journal, its disk, and what it has decided."""

    net: "Net"
    me: bytes
    machine: Any
    pulse: Pulse
    state: Any
    durable: State
    beat: Any
    up: bool = True
    life: int = 0  # which of its lives: what an earlier one asked for is void
    last_ns: int = 0
    rate_ppm: int = 0  # by how much its clock is fast
    ahead_ns: int = 0  # and how far it has jumped
    journal: list[Entry] = field(default_factory=list[Entry])
    chain: dict[int, bytes] = field(default_factory=dict[int, bytes])
    store: dict[int, Committed] = field(default_factory=dict[int, Committed])
    inbox: list[Any] = field(default_factory=list[Any])
    unsaid: list[Any] = field(default_factory=list[Any])  # what happened, not yet watched
    busy: bool = False  # its disk
    hung: bool = False  # and for ever so
    blocked: bool = True  # whether the volatile half waits for the disk too
    crashes: int = 0

    @property
    def raft(self) -> State:
        state: State = self.state[NAME]
        return state

    def moment(self) -> Moment:
        now_ns = self.net.now_ns * (1_000_000 + self.rate_ppm) // 1_000_000 + self.ahead_ns
        self.last_ns = max(self.last_ns + 1, now_ns)
        return Moment(self.last_ns, self.net.random.getrandbits(64))

    # -- the journaled half

    def take(self, command: Any) -> None:
        """A command for either half; it waits for the disk."""
        if not self.up:
            return
        self.inbox.append(command)
        if not self.busy:
            self.tick()

    def tick(self) -> None:
        batch, self.inbox = self.inbox[:COMMANDS_MAX], self.inbox[COMMANDS_MAX:]
        entries: list[Entry] = []
        late: list[Any] = []
        life = self.life
        for command in batch:
            late += self._step(command, entries)
            if self.life != life:
                return None
        if entries and self.net.dies(self):
            return self.crash()
        if not entries and not self.busy:
            return self._finish(entries, late, life)
        self.busy = True
        if not self.blocked:
            self.feel(Saving())
        if not self.hung:
            when_ns = self.net.now_ns + self.net.sync_ns()
            if when_ns > self.net.now_ns:
                self.net.at(when_ns, partial(self._finish, entries, late, life))
            else:
                self._finish(entries, late, life)
        return None

    def _step(self, command: Any, entries: list[Entry]) -> list[Any]:
        """One command; what may go before it is durable goes."""
        if isinstance(command, Read):
            self.feel(command)
            return []
        if isinstance(command, Heard):
            message = command.message
            if type(message) in FLEETING:
                self.feel(command)
                return []
            if not admits(self.beat, self.pulse.timing, message, self.last_ns + 1):
                self.net.refused += 1
                return []
            if type(message) in OVERHEARD:
                self.feel(command)
        before, moment = self.raft, self.moment()
        at = At(NAME, command)
        self.state, entry, effects = step(self.machine, self.state, at, moment)
        if not entry.events:
            return []
        entries.append(entry)
        for event in entry.events:
            if isinstance(event.body, Decided):
                decided = Committed(event.body.certificate, event.body.value)
                self.store[decided.certificate.height] = decided
        happened = (before, [event.body for event in entry.events])
        if is_alone(before) or is_alone(self.raft):
            self.unsaid.append(happened)  # what is committed alone is nothing until it is durable
        else:
            self.net.watch.step(self, *happened)
        late: list[Any] = []
        for effect in effects:
            if isinstance(effect.body, Early | Notice):
                self.perform(effect.body)
            else:
                late.append(effect.body)
        return late

    def _finish(self, entries: list[Entry], late: list[Any], life: int) -> None:
        """The disk has answered."""
        if self.life != life:
            return None
        self.busy = False
        self.journal += entries
        self.durable = self.raft
        for happened in self.unsaid:
            self.net.watch.step(self, *happened)
        self.unsaid = []
        if entries and self.net.dies(self):
            return self.crash()
        if not self.blocked and entries:
            self.feel(Saved())
        for effect in late:
            self.perform(effect)
        self.feel(Look(self.raft))
        self._set_alarm()
        if self.inbox:
            self.tick()
        return None

    # -- the volatile half

    def feel(self, command: Any) -> None:
        self.beat, _, effects = step(self.pulse, self.beat, command, self.moment())
        for effect in effects:
            match effect:
                case Tell(told):
                    self.net.at(self.net.now_ns, partial(self._alive, self.life, told))
                case Readable(token):
                    self.net.read(self, token, True)
                case Unreadable(token):
                    self.net.read(self, token, False)
                case _:
                    self.perform(effect)

    def _alive(self, life: int, command: Any) -> None:
        if life == self.life:
            self.take(command)

    # -- crashes and clocks

    def crash(self, away_ns: int | None = None) -> None:
        """What was not durable is gone, and so is the volatile half."""
        self.up, self.busy, self.inbox, self.beat = False, False, [], self.pulse.initial()
        self.life += 1
        self.unsaid = []
        self.crashes += 1
        self.state = {NAME: self.durable}
        decided = self.durable.height - 1 + self.durable.decided
        self.chain = {h: link for h, link in self.chain.items() if h <= decided}
        self.store = {h: value for h, value in self.store.items() if h <= decided}
        if away_ns is None:
            away_ns = self.net.random.randint(*self.net.weather.away_ms) * MS
        self.net.at(self.net.now_ns + away_ns, partial(self.start, self.life))

    def start(self, life: int) -> None:
        if life == self.life and not self.up:
            self.up = True
            if not self.raft.height:
                self.take(Begin(1, tuple(self.net.app.validators(1))))
            self.take(Restarted())

    def _set_alarm(self) -> None:
        for due in (self.machine.deadline(self.state), self.pulse.deadline(self.beat)):
            if due is not None:
                self.net.at(self._true_ns(due), partial(self._ring, self.life, due))

    def _true_ns(self, own_ns: int) -> int:
        """When this node's clock shows `own_ns`."""
        own_ns -= self.ahead_ns
        return max(own_ns * 1_000_000 // (1_000_000 + self.rate_ppm) + 1, self.net.now_ns)

    def _ring(self, life: int, due_ns: int) -> None:
        if life != self.life or not self.up:
            return
        due = self.pulse.deadline(self.beat)
        if due is not None and due <= due_ns and not (self.blocked and self.busy):
            self.feel(Wake())
            self._set_alarm()
        due = self.machine.deadline(self.state)
        if due is not None and due <= due_ns:
            self.take(Wake())

    # -- effects

    def perform(self, effect: Any) -> None:
        match effect:
            case Broadcast(message):
                for other in self.net.nodes.values():
                    self.net.post(self.me, other.me, message)
            case Send(to, message):
                self.net.post(self.me, to, message)
            case Serve(to, height):
                for served in sorted(self.store):
                    if height <= served < height + SERVED_MAX:
                        self.net.post(self.me, to, self.store[served])
            case Keep():
                pass  # it is durable by now
            case _:
                raise AssertionError(f"unknown effect {effect!r}")


@dataclass
class Net:
    """All nodes, the messages under way, and the one true clock."""

    app: App = field(default_factory=App)
    weather: Weather = field(default_factory=Weather)
    seed: int = 0
    timing: Timing = field(default_factory=Timing)
    now_ns: int = 0
    nodes: dict[bytes, Node] = field(default_factory=dict[bytes, Node])
    watch: Watch = field(default_factory=Watch)
    sent: int = 0
    refused: int = 0
    read: Callable[["Node", bytes, bool], None] = lambda _node, _token, _able: None
    spy: Callable[[bytes, bytes, Value], bool] = lambda _from, _to, _message: True

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def join(self, numbers: Iterable[int], targets: bool = True) -> list[Node]:
        """Nodes begun at height 1."""
        joined: list[Node] = []
        for number in numbers:
            me = name(number)
            machine = self.app.node(me, Raft(me, self.timing, targets))
            pulse, state = Pulse(me, self.timing), machine.initial()
            node = Node(self, me, machine, pulse, state, state[NAME], pulse.initial())
            self.nodes[me] = node
            node.take(Begin(1, tuple(self.app.validators(1))))
            joined.append(node)
        return joined

    def open(self, nodes: Iterable[Node] | None = None) -> None:
        for node in list(self.nodes.values()) if nodes is None else nodes:
            node.take(Open())

    def at(self, when_ns: int, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._queue, (when_ns, self._number, what))

    def calm(self) -> bool:
        return self.now_ns >= self.weather.calm_ns

    def dies(self, node: Node) -> bool:
        return not self.calm() and self.random.random() < self.weather.crash

    def sync_ns(self) -> int:
        low, high = self.weather.sync_us
        return self.random.randint(low, high if not self.calm() else low) * 1_000

    def post(self, sender: bytes, to: bytes, message: Value) -> None:
        """Put a message on its way; the weather decides whether, when and how often it arrives."""
        self.sent += 1
        weather, calm = self.weather, self.calm()
        if sender == to or not self.spy(sender, to, message):
            return
        if not calm and (weather.cut(sender, to) or self.random.random() < weather.loss):
            return
        low, high = weather.delay_us if not calm else (weather.delay_us[0],) * 2
        copies = 2 if not calm and self.random.random() < weather.repeat else 1
        for _ in range(copies):
            when_ns = self.now_ns + self.random.randint(low, high) * 1_000
            self.at(when_ns, partial(self._arrive, sender, to, message))

    def _arrive(self, sender: bytes, to: bytes, message: Value) -> None:
        node = self.nodes.get(to)
        if node is not None and node.up:
            if type(message) in FLEETING and not (node.blocked and node.busy):
                node.feel(Heard(sender, message))
                node._set_alarm()
            else:
                node.take(Heard(sender, message))

    def run(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until `until_ns`, or until it is done."""
        while self._queue and self._queue[0][0] <= until_ns and not done():
            self.now_ns, _, what = heapq.heappop(self._queue)
            what()
        if not done():
            self.now_ns = max(self.now_ns, until_ns)

    # -- what tests ask

    def leader(self) -> Node | None:
        """Who leads the highest term, if anybody is up and does."""
        leading = [n for n in self.nodes.values() if n.up and n.raft.role == LEADER]
        return max(leading, key=lambda node: node.raft.term, default=None)

    def settle(self, ms: int = 2_000) -> Node:
        """Wait until somebody leads, and has committed something in its term."""

        def ready() -> bool:
            node = self.leader()
            return node is not None and node.raft.commit >= node.raft.first_index > 0

        self.run(self.now_ns + ms * MS, ready)
        node = self.leader()
        assert node is not None, "nobody leads"
        return node


def decided(nodes: Iterable[Node], height: int) -> bool:
    return all(height in node.store for node in nodes)

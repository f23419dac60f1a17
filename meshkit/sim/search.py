"""Exhaustive search: every order in which a few things can happen to a few nodes, to some depth.

The machines are the very same. A world is the local state of each honest node and the set of all
that was ever said in it. What was said may be heard by whom it was said to now, later, again or
never, so loss, delay, repetition and reordering need no moves of their own; the moves are:

    hear      a node takes one message of that set
    wake      a node's deadline has come (so many times in all)
    crash     a node falls back to what it had made durable, and starts again (so many times)

A liar is no node but a repertoire: whatever it may ever say is in the set from the beginning, each
of it for each hearer, so it equivocates in every way there is. Breadth first, each world once, by
its parts' digests; in each world it is checked that

* no two honest nodes have decided two values, and no decision lacks its certificate;
* no honest node has said two things that exclude each other, whatever it forgot in between.

What a message does to a local state is worked out once and looked up ever after: there are few
local states, and it is their combinations that are many. This is explicit-state model checking,
as TLC does it (Yu, Manolios, Lamport 1999), of the code instead of a model.

What is left out: time has no measure, a node's clock moves only by its wakes; heights end the
search where they are decided; and symmetry is used only insofar as equal worlds are one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from msgspec.structs import replace

from meshkit.consensus.certificate import stands, weights_of
from meshkit.consensus.engines import Engine, Timeouts
from meshkit.consensus.messages import (
    Begin,
    Committed,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Serve,
    Validator,
)
from meshkit.consensus.raft.messages import Keep
from meshkit.core.composite import At, Composite, Policy, State
from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Send, Wake, step
from meshkit.core.shell import FREE
from meshkit.core.value import Statement, Value, canonical, digest, statements

NAME = "consensus"
MESH = digest("searched")
SIGNED = b"s"  # a modelled signature: nobody here forges one
START_NS = 1_000_000_000  # when every node's clock stands still at first
WORLDS_MAX = 3_000_000  # of one search: they fit into a gigabyte (measured: 300 bytes each)

Action: TypeAlias = tuple[str, int, int]  # what, to which node, of which message
World: TypeAlias = tuple[int, ...]  # what was said, as bits; wakes and crashes left; local states


class Choice(Value):
    """What a node proposes."""

    of: int
    round: int


def everything(message: Value) -> bool:
    """Whatever it is."""
    return True


class Said(NamedTuple):
    """A message of the set: by whom, to which nodes, as bits."""

    message: Value
    sender: bytes
    to: int


Vow: TypeAlias = tuple[tuple[object, ...], bytes]  # a place, and what is said there, once


def wake(state: Any) -> Wake:
    """What comes of a deadline."""
    return Wake()


def no_vows(said: Said) -> tuple[Vow, ...]:
    """Nothing but what is signed binds."""
    return ()


class Before(NamedTuple):
    """All that these nodes hear of what `hears` lets through, again and again until it is nothing
    new; before that, each of them is woken so many times."""

    nodes: Sequence[int]
    hears: Callable[[int, Value], bool]
    wakes: int = 0


class Case(NamedTuple):
    """What is searched: an engine, its validators, who of them is honest, and what may happen."""

    name: str
    engine: Engine
    urgency: Callable[[Any], int]
    timeouts: Timeouts
    ids: Sequence[bytes]
    honest: int  # of the first so many; the rest are liars
    repertoire: Sequence[Value]  # what the liars may say, to anybody
    wakes: int
    crashes: int
    openers: int  # bits of the nodes where something waits to be decided
    before: Sequence[Before] = ()  # how the search comes to where it begins
    matters: Callable[[Value], bool] = everything  # whether a message is heard from there on
    roused: Callable[[Any], Any] = wake  # what a node is told when it is woken, by its state
    vow: Callable[[Said], tuple[Vow, ...]] = no_vows  # what a message excludes, unsigned as it is


class Found(NamedTuple):
    """What a search came to: how far it went, how many worlds it saw, and what was broken."""

    case: str
    depth: int
    worlds: int
    moves: int
    locals: int
    complete: bool = False  # whether there was nothing left to find, however deep
    broken: str = ""
    trace: tuple[str, ...] = ()


class Local(Value):
    """One node: who, its state, the one it would come back with, and its clock."""

    node: int
    state: Any
    durable: Any
    now_ns: int


class Broken(Exception):
    """A promise was broken in some world."""


class Search:
    """The tables of one search, and the search."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.said: list[Said] = []
        self.locals: list[Local] = []
        self._nodes = [self._node(number) for number in range(case.honest)]
        self._names: dict[bytes, int] = {}  # of messages, by sender, hearers and content
        self._local_names: dict[bytes, int] = {}
        self._hears: list[dict[int, tuple[int, int]]] = []  # local -> message -> local, said
        self._deaf: list[int] = []  # local -> messages that change nothing, as bits
        self._wakes: dict[int, tuple[int, int]] = {}
        self._crashes: dict[int, tuple[int, int]] = {}
        self._decided: list[bytes] = []  # local -> the id of what is decided there
        self._excludes: list[int] = []  # message -> messages it excludes, as bits
        self._matters = 0  # messages that are heard in the search, as bits
        self._places: dict[tuple[object, ...], list[tuple[int, bytes]]] = {}
        self._validators = tuple(Validator(id_, 1) for id_ in case.ids)
        self.moves = 0

    # -- nodes ------------------------------------------------------------------------------------

    def _node(self, number: int) -> Composite:
        case = self.case
        machine = case.engine.machine(case.ids[number], MESH, case.timeouts)

        def wanted(_: State, event: ProposalWanted) -> Iterator[At]:
            value = Choice(number, event.round)
            yield At(NAME, Propose(event.height, event.round, value))

        def taken(_: State, event: ProposalTaken) -> Iterator[At]:
            good = isinstance(event.value, Choice)
            yield At(NAME, Judge(event.height, event.value_id, good))

        policies: dict[tuple[str, type], Sequence[Policy]] = {
            (NAME, ProposalWanted): (wanted,),
            (NAME, ProposalTaken): (taken,),
        }
        return Composite({NAME: machine}, policies)

    def first(self) -> World:
        """Everybody has begun, those who have something to decide have opened, nobody has heard."""
        case, said, row = self.case, 0, list[int]()
        for number, node in enumerate(self._nodes):
            initial = node.initial()
            local = Local(number, initial, initial, START_NS)
            commands: list[Any] = [Begin(1, self._validators)]
            if case.openers >> number & 1:
                commands.append(Open())
            for command in commands:
                local, more = self._take(number, local, At(NAME, command))
                said |= more
            # What was begun with is on the disk: a restart says it again.
            row.append(self._local(replace(local, durable=local.state)))
        liars = range(case.honest, len(case.ids))
        for message in case.repertoire:
            said |= 1 << self._message(message, case.ids[liars[0]], (1 << case.honest) - 1)
        return (said, case.wakes, case.crashes, *row)

    def _take(self, number: int, local: Local, command: At) -> tuple[Local, int]:
        """One command, and all of our own statements that come back of it; what was said."""
        node, said, pending = self._nodes[number], 0, [command]
        for asked in pending:  # which grows
            state, entry, effects = step(node, local.state, asked, Moment(local.now_ns, 0))
            if not entry.events and not effects:
                continue
            urgent = any(self.case.urgency(effect.body) != FREE for effect in effects)
            local = Local(number, state, state if urgent else local.durable, local.now_ns)
            for effect in effects:
                more, own = self._say(number, local, effect.body)
                said |= more
                pending += own
        return local, said

    def _say(self, number: int, local: Local, effect: Any) -> tuple[int, list[At]]:
        me, everybody = self.case.ids[number], (1 << self.case.honest) - 1
        others = everybody & ~(1 << number)
        match effect:
            case Broadcast(message):
                signed = self._signed(message, me)
                mine = isinstance(message, Statement) and signed is not message
                own = [At(NAME, Heard(me, signed))] if mine else []
                return 1 << self._message(signed, me, others), own
            case Send(to, message):
                return self._tell(me, to, self._signed(message, me)), []
            case Serve(to):
                last: Committed | None = local.state[NAME].last
                return self._tell(me, to, last) if last else 0, []
            case Keep():
                return 0, []
            case _:
                raise AssertionError(f"nobody performs {effect!r:.200}")

    def _tell(self, me: bytes, to: bytes, message: Value) -> int:
        number = self.case.ids.index(to)
        if number >= self.case.honest:
            return 0  # a liar knows everything anyway
        return 1 << self._message(message, me, 1 << number)

    def _signed(self, message: Value, me: bytes) -> Value:
        own = isinstance(message, Statement) and getattr(message, message.SIGNER) == me
        if own and getattr(message, "signature", SIGNED) == b"":
            return cast(Value, replace(cast(Any, message), signature=SIGNED))
        return message

    def begin(self) -> World:
        """Where the search begins: the case's story so far, told."""
        world = self.first()
        for before in self.case.before:
            for node in before.nodes:
                for _ in range(before.wakes):
                    world = self._moved(world, node, *self._woken(node, world[3 + node]), 0, 0)
            world = self._settled(world, before)
        return world

    def _settled(self, world: World, before: Before) -> World:
        moved = True
        while moved:
            moved = False
            for node in before.nodes:
                for message in range(len(self.said)):
                    said, local = self.said[message], world[3 + node]
                    known = world[0] >> message & 1 and said.to >> node & 1
                    if known and before.hears(node, said.message):
                        after, more = self._heard(node, local, message)
                        moved = moved or after != local or bool(more & ~world[0])
                        world = self._moved(world, node, after, more, 0, 0)
        return world

    # -- tables -----------------------------------------------------------------------------------

    def _local(self, local: Local) -> int:
        """The number of a local state."""
        name = digest(local)
        known = self._local_names.get(name)
        if known is None:
            known = self._local_names[name] = len(self.locals)
            self.locals.append(local)
            self._hears.append({})
            self._deaf.append(0)
            self._decided.append(self._decision(local))
        return known

    def _decision(self, local: Local) -> bytes:
        last: Committed | None = local.state[NAME].last
        if last is None:
            return b""
        proof, engine = last.certificate, self.case.engine
        proved = not engine.attests or stands(proof, weights_of(self._validators), engine.vouches)
        if not proved or digest(last.value) != proof.value_id:
            raise Broken(f"{last!r:.300} was decided without a proof")
        return proof.value_id

    def _message(self, message: Value, sender: bytes, to: int) -> int:
        name = canonical((sender, to, message))
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = len(self.said)
            self.said.append(Said(message, sender, to))
            self._matters |= self.case.matters(message) << known
            self._excludes.append(0)
            self._exclude(known, message)
        return known

    def _exclude(self, number: int, message: Value) -> None:
        """Note with which messages before it this one cannot stand."""
        engine, honest = self.case.engine, self.case.ids[: self.case.honest]
        for place, content in self.case.vow(self.said[number]):
            self._vowed(number, place, content)
        for statement in statements(message):
            fields = engine.places.get(type(statement))
            if fields is None or getattr(statement, statement.SIGNER) not in honest:
                continue
            place = (type(statement).__name__, *(getattr(statement, name) for name in fields))
            content = canonical(
                [getattr(statement, name) for name in statement.__struct_fields__
                 if name not in statement.UNSIGNED]
            )  # fmt: skip
            self._vowed(number, place, content)

    def _vowed(self, number: int, place: tuple[object, ...], content: bytes) -> None:
        for other, different in self._places.setdefault(place, []):
            if different != content:
                self._excludes[number] |= 1 << other
                self._excludes[other] |= 1 << number
        self._places[place].append((number, content))

    # -- moves ------------------------------------------------------------------------------------

    def _heard(self, node: int, local: int, message: int) -> tuple[int, int]:
        known = self._hears[local].get(message)
        if known is None:
            said = self.said[message]
            heard = At(NAME, Heard(said.sender, said.message))
            after, more = self._take(node, self.locals[local], heard)
            known = self._hears[local][message] = (self._local(after), more)
            if known == (local, 0):
                self._deaf[local] |= 1 << message
        return known

    def _woken(self, node: int, local: int) -> tuple[int, int]:
        known = self._wakes.get(local)
        if known is None:
            at = self.locals[local]
            due_ns = self._nodes[node].deadline(at.state)
            known = (local, 0)
            if due_ns is not None:
                later = replace(at, now_ns=max(due_ns, at.now_ns))
                told = self.case.roused(at.state[NAME])
                name = "" if type(told) is Wake else NAME
                after, more = self._take(node, later, At(name, told))
                known = (self._local(after), more)
            self._wakes[local] = known
        return known

    def _crashed(self, node: int, local: int) -> tuple[int, int]:
        known = self._crashes.get(local)
        if known is None:
            at = self.locals[local]
            back = Local(node, at.durable, at.durable, at.now_ns + 1)
            after, more = self._take(node, back, At("", Restarted()))
            known = self._crashes[local] = (self._local(after), more)
        return known

    def successors(self, world: World) -> Iterator[tuple[Action, World]]:
        """What may happen next, and what the world is then."""
        said, wakes, crashes, *row = world
        for node, local in enumerate(row):
            rest = said & self._matters & ~self._deaf[local]
            while rest:
                bit = rest & -rest
                rest ^= bit
                message = bit.bit_length() - 1
                if self.said[message].to >> node & 1:
                    after, more = self._heard(node, local, message)
                    if after != local or more & ~said:
                        yield ("hear", node, message), self._moved(world, node, after, more, 0, 0)
            if wakes:
                after, more = self._woken(node, local)
                if after != local:
                    yield ("wake", node, 0), self._moved(world, node, after, more, 1, 0)
            if crashes:
                after, more = self._crashed(node, local)
                yield ("crash", node, 0), self._moved(world, node, after, more, 0, 1)

    def _moved(
        self, world: World, node: int, after: int, more: int, woke: int, crashed: int
    ) -> World:
        said, wakes, crashes, *row = world
        row[node] = after
        return (said | more, wakes - woke, crashes - crashed, *row)

    # -- the search -------------------------------------------------------------------------------

    def check(self, before: World, world: World) -> None:
        """Raises `Broken` where the move from one world to the next breaks a promise."""
        new = world[0] & ~before[0]
        while new:
            bit = new & -new
            new ^= bit
            if self._excludes[bit.bit_length() - 1] & world[0]:
                raise Broken(f"{self.said[bit.bit_length() - 1].message!r:.300} excludes another")
        decided = {self._decided[local] for local in world[3:]} - {b""}
        if len(decided) > 1:
            raise Broken("two values are decided at one height")

    def run(self, depth: int, worlds_max: int = WORLDS_MAX, begin: World | None = None) -> Found:
        """All worlds that so many moves lead to from `begin`, or as many as there is room for."""
        begin = begin or self.begin()
        seen, level, done = {begin}, [begin], 0
        while level and done < depth:
            following: list[World] = []
            for world in level:
                for action, after in self.successors(world):
                    self.moves += 1
                    if after in seen:
                        continue
                    try:
                        self.check(world, after)
                    except Broken as broken:
                        trace = (*self._way(begin, world), self.told(action))
                        return self._found(done + 1, len(seen), False, str(broken), trace)
                    seen.add(after)
                    following.append(after)
                if len(seen) >= worlds_max:
                    return self._found(done, len(seen))
            done, level = done + 1, following
        return self._found(done, len(seen), not level)

    def _found(
        self,
        depth: int,
        worlds: int,
        complete: bool = False,
        broken: str = "",
        trace: Iterable[str] = (),
    ) -> Found:
        numbers = (depth, worlds, self.moves, len(self.locals))
        return Found(self.case.name, *numbers, complete, broken, tuple(trace))

    def _way(self, begin: World, goal: World) -> list[str]:
        """How one comes from one world to another: the search once more, with a memory."""
        came: dict[World, tuple[World, Action] | None] = {begin: None}
        level = [begin]
        while goal not in came:
            following: list[World] = []
            for world in level:
                for action, after in self.successors(world):
                    if after not in came:
                        came[after] = (world, action)
                        following.append(after)
            level = following
        way: list[str] = []
        while (step_ := came[goal]) is not None:
            goal, action = step_
            way.append(self.told(action))
        return way[::-1]

    def told(self, action: Action) -> str:
        what, node, message = action
        if what == "hear":
            return f"{node} hears {self.said[message].message!r}"
        return f"{node} wakes" if what == "wake" else f"{node} crashes"

"""One journal before the auditor: every entry decided again, and what it says of others gathered.

A node's journal is true if its node could have written it: each cause came in by a door that
honest shells have, the rules decide of it just what was recorded, and every message that others
hold of this node is what deciding the named entry again yields. Who withheld, bent or invented
something anywhere in between has to invent the rest as well, and cannot invent others' signatures.

Training results, a clock's pace and chance are facts from outside: they are attributed to the node,
and never proved. After a divergence it goes on from what was recorded, so one bent entry is one
finding and not all that follow.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from blake3 import blake3

from meshkit.audit.causes import fault_of_cause
from meshkit.audit.findings import Findings, Kind
from meshkit.audit.letters import Copy, content_of
from meshkit.audit.rules import fault_of_rules
from meshkit.audit.shelves import Absent, Shelves
from meshkit.audit.words import a, count, one_line, ref, short
from meshkit.codec import Malformed, decode_entry
from meshkit.consensus.messages import Certificate, Committed, Decided, Serve
from meshkit.core.composite import At, Composite, State
from meshkit.core.history import Snapshotted
from meshkit.core.machine import Broadcast, Entry, Send
from meshkit.core.snapshot import freeze
from meshkit.core.value import Value, digest
from meshkit.journal import Record
from meshkit.learning import Refused
from meshkit.ledger.messages import Founded, Genesis, MemberAdmitted, RoundCommitted
from meshkit.node import address, engine_in, mesh_node
from meshkit.rounds.inclusion import credits_of
from meshkit.rounds.messages import (
    MISSING,
    Aggregated,
    AggregateKnown,
    BlobChecked,
    Fetched,
    ModelHeld,
    UpdateFormed,
)
from meshkit.rounds.state import State as Rounds
from meshkit.rounds.state import works


class Decision(NamedTuple):
    """One node's record that a height was decided."""

    node: bytes
    entry: int
    certificate: Certificate
    block: Value


class Deposition:
    """What one journal says that is compared with others."""

    def __init__(self, node: bytes) -> None:
        self.node = node
        self.entries = 0
        self.decisions: dict[int, Decision] = {}
        self.names: dict[bytes, str] = {}
        self.named: dict[bytes, int] = {}  # blobs, and the first entry that names each
        self.held: dict[bytes, int] = {}  # those it says lie in its store
        self.stopped = 0  # the entry from which on nothing could be decided again; 0: none
        self.unread = ""  # and why
        self.other_rules = False  # because another release is wanted

    def hear(self, index: int, event: Any) -> None:
        match event:
            case Founded(genesis):
                self.names.update((member.id, member.name) for member in genesis.founders)
            case MemberAdmitted(member):
                self.names[member.id] = member.name
            case Decided(certificate, block):
                decision = Decision(self.node, index, certificate, block)
                self.decisions.setdefault(certificate.height, decision)
            case RoundCommitted(_, _, model, credited):
                for blob in (model, *(credit.update for credit in credited)):
                    self.named.setdefault(blob, index)
            case BlobChecked(_, blob, _, problem):
                self._hold(index, blob, not problem)
            case ModelHeld(_, blob) | AggregateKnown(_, _, blob):
                self._hold(index, blob, True)
            case UpdateFormed(update):
                self._hold(index, update.blob, True)
            case _:
                pass

    def _hold(self, index: int, blob: bytes, here: bool) -> None:
        self.named.setdefault(blob, index)
        if here:
            self.held.setdefault(blob, index)


class Trial:
    """Of the journal of `node`. Feed it every record in order, then ask `end`."""

    def __init__(
        self,
        node: bytes,
        genesis: Genesis,
        letters: dict[int, list[Copy]],
        shelves: Shelves,
        findings: Findings,
    ) -> None:
        self._me, self._mesh = node, digest(genesis)
        self._letters = letters
        self._shelves = shelves
        self._findings = findings
        volatile = engine_in(genesis).volatile
        self._told = volatile.told if volatile is not None else ()
        self._machine: Composite = mesh_node(node, genesis)
        self._state: State = self._machine.initial()
        self._last_ns = -1
        self._served: list[tuple[list[Copy], Serve]] = []
        self.said = Deposition(node)

    def take(self, record: Record) -> None:
        """The next entry."""
        self.said.entries = record.index
        if self.said.stopped:
            return
        try:
            entry = decode_entry(record.body, address, record.index)
        except Malformed as error:
            self._find(record.index, "form", f"its bytes are no entry: {error}")
            self._stop(record.index, "the entry cannot be read")
            return
        if fault := fault_of_rules(entry):
            self.said.other_rules = True
            self._stop(record.index, f"it was decided by {fault}")
            return
        self._look(record.index, entry)
        self._decide(record.index, entry)

    def end(self) -> Deposition:
        """All that the journal says, once every record has been taken."""
        for alike, serve in self._served:
            self._check_served(alike, serve)
        return self.said

    def _find(self, index: int, kind: Kind, what: str) -> None:
        self._findings.add(self._me, index, kind, what)

    def _stop(self, index: int, why: str) -> None:
        self.said.stopped, self.said.unread = index, why

    # -- the cause --------------------------------------------------------------------------------

    def _look(self, index: int, entry: Entry) -> None:
        """At the cause: its time, the door it came in by, and what it says of the world."""
        if entry.moment.now_ns <= self._last_ns:
            self._find(index, "order", "its time is not later than that of the entry before")
        self._last_ns = max(self._last_ns, entry.moment.now_ns)
        if not entry.events:
            self._find(index, "order", "nothing follows from it, so no honest node writes it down")
        if fault := fault_of_cause(entry, self._me, self._mesh, index, self._told):
            self._find(index, "command", fault)
        self._check_fact(index, entry.command.body)

    def _check_fact(self, index: int, body: Any) -> None:
        """What it says of blobs, where they are at hand."""
        try:
            match body:
                case Aggregated(task, _, base, key, model, problem) if model and not problem:
                    self._check_aggregate(index, task, base, key, model)
                case Fetched(task, form, blob, _, problem) if problem != MISSING:
                    self._check_fetched(index, task, form, blob, problem)
                case _:
                    pass
        # scan: fails-open: an absent blob is counted as such where the round is judged
        except Absent:
            pass  # it can be seen from the round's own credits whether that matters

    def _check_aggregate(
        self, index: int, task: bytes, base: bytes, key: bytes, model: bytes
    ) -> None:
        rounds: Rounds = self._state["rounds"]
        round_ = rounds.rounds.get(task)
        for work in works(round_) if round_ is not None else ():
            if work.key != key or round_ is None:
                continue
            try:
                made = self._shelves.model(round_.opened.spec, base, credits_of(work.updates))
            except Refused as refused:
                self._find(index, "aggregate", f"these updates make no model: {refused}")
                return
            if made != model:
                what = f"these updates make the model {short(made)}, not {short(model)}"
                self._find(index, "aggregate", what)
            return

    def _check_fetched(self, index: int, task: bytes, form: str, blob: bytes, said: str) -> None:
        rounds: Rounds = self._state["rounds"]
        round_ = rounds.rounds.get(task)
        if round_ is None:
            return
        found = self._shelves.problem(blob, form, round_.opened.spec)
        if found != said:
            what = f"it says of the {form} {short(blob)} {said or 'sound'}, and it is "
            self._find(index, "fact", what + (found or "sound"))

    # -- what follows -----------------------------------------------------------------------------

    def _decide(self, index: int, entry: Entry) -> None:
        machine, before = self._machine, self._state
        try:
            state, events, effects = machine.run(before, entry.command, entry.moment)
        except Exception as error:  # the rules are total for what honest nodes journal
            self._find(index, "divergence", f"the rules cannot decide it: {one_line(error)}")
            state, effects = self._fold(index, entry), []
        else:
            if events != entry.events:
                self._find(index, "divergence", difference(entry.events, events))
                state = self._fold(index, entry)
        for event in entry.events:
            self._note(index, event.body)
        for alike in _by_letter(self._letters.get(index, ())):
            self._check_letter(alike, effects)
        self._state = state

    def _fold(self, index: int, entry: Entry) -> State:
        """The state after what was recorded, whatever the rules say of it."""
        state = self._state
        try:
            for event in entry.events:
                state = self._machine.evolve(state, event)
        except Exception as error:
            self._stop(index + 1, f"what entry {index} records cannot be: {one_line(error)}")
        return state

    def _note(self, index: int, event: Any) -> None:
        self.said.hear(index, event)
        if isinstance(event, Snapshotted):
            found = blake3(freeze(self._state)).digest()
            if found != event.state:
                what = f"the state has the digest {short(found)}, not {short(event.state)}"
                self._find(index, "snapshot", what)

    # -- what others hold of it -------------------------------------------------------------------

    def _check_letter(self, alike: list[Copy], effects: Sequence[At]) -> None:
        """One letter, of which there are as many copies as it has hearers."""
        letter = alike[0].letter
        if letter.effect >= len(effects):
            self._lie(alike, f"that entry has {count(len(effects), 'effect')}")
            return
        match effects[letter.effect].body:
            case Broadcast(message):
                self._compare(alike, message)
            case Send(to, message):
                if self._compare(alike, message):
                    self._check_hearers(alike, to)
            case Serve() as serve:
                self._served.append((alike, serve))
            case other:
                self._lie(alike, f"that effect is {a(other)}, no message")

    def _compare(self, alike: Sequence[Copy], message: Value) -> bool:
        if content_of(message, self._me) == alike[0].letter.content:
            return True
        self._lie(alike, f"that effect is another {type(message).__name__}")
        return False

    def _check_hearers(self, alike: Sequence[Copy], to: bytes) -> None:
        """Who is to blame cannot be told, so nobody is: its sender may have sent it to others as
        well, or whoever was sent it may have passed it on to somebody who pretends to it."""
        for copy in alike:
            if copy.holder not in (to, self._me):
                what = (
                    f"{ref(copy.holder)} holds at entry {copy.at} what {ref(self._me)} says at "
                    f"entry {copy.letter.entry} to {ref(to)} alone: one of the two is not true"
                )
                self._findings.add(b"", 0, "lie", what)

    def _check_served(self, alike: Sequence[Copy], serve: Serve) -> None:
        """A decision that was asked for: of its own journal, as far as its head goes."""
        letter = alike[0].letter
        found = self.said.decisions.get(letter.height)
        if letter.kind != Committed.__name__ or letter.height < serve.height:
            self._lie(alike, f"that effect serves decisions from height {serve.height} on")
        elif found is None or found.entry > letter.head.index:
            self._lie(alike, f"its journal had not decided height {letter.height} by then")
        elif self._compare(alike, Committed(found.certificate, found.block)):
            self._check_hearers(alike, serve.to)

    def _lie(self, alike: Sequence[Copy], why: str) -> None:
        letter = alike[0].letter
        others = [copy for copy in alike if copy.holder != self._me]
        copy = (others or alike)[0]
        what = (
            f"it said {a(letter.kind)}, effect {letter.effect} of this entry, which "
            f"{ref(copy.holder)} holds at entry {copy.at}, and its journal does not yield it: {why}"
        )
        self._findings.add(self._me, letter.entry, "lie", what)


def _by_letter(copies: Iterable[Copy]) -> Iterable[list[Copy]]:
    alike: dict[bytes, list[Copy]] = {}
    for copy in copies:
        alike.setdefault(copy.letter.id, []).append(copy)
    return alike.values()


def difference(recorded: Sequence[At], decided: Sequence[At]) -> str:
    """In which event two decisions of one command part."""
    for number, (first, second) in enumerate(zip(recorded, decided, strict=False)):
        if first != second:
            return (
                f"event {number} is recorded as {kind_of(first)}, and the rules decide "
                f"{kind_of(second)}"
            )
    return f"{len(recorded)} events are recorded, and the rules decide {len(decided)}"


def kind_of(event: At) -> str:
    """An event in a text: whose, and of which class."""
    return f"{event.name}.{type(event.body).__name__}"

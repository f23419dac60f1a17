"""Puts together what all journals say of one task, round by round.

Feed it every journal, then ask for the chapters. What several journals record alike becomes one
step; what convicts somebody becomes a proof, once, with the signatures checked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from meshkit.audit.causes import fault_of_statements
from meshkit.audit.chapters import Chapter, Part, Proof, Refusals, Step
from meshkit.audit.facts import WRONG_RESULT, Fact, Scope, facts_of
from meshkit.audit.heights import Heights
from meshkit.audit.letters import Contradiction, Post
from meshkit.audit.order import Line, ordered
from meshkit.audit.places import Place
from meshkit.audit.silence import Ends, silences
from meshkit.audit.silence import Heard as HeardOf
from meshkit.consensus.engines import said_by
from meshkit.core.history import Tallied
from meshkit.core.machine import Entry, Heard
from meshkit.core.value import Statement
from meshkit.ledger.messages import BlockApplied, Founded, MemberAdmitted, RoundCommitted
from meshkit.ledger.messages import RoundOpened as RoundBegun
from meshkit.rounds.messages import (
    OVER_CAP,
    OVER_QUOTA,
    PROBLEMS,
    TWO_UPDATES,
    Attestation,
    Held,
    HeldFormed,
    Open,
    ResultRefused,
    RoundOpened,
    RoundReopened,
    Update,
)
from meshkit.wire.envelope import Refused, open_unverified

SHARED = frozenset({"vote", "attestation", "verdict", "judgement", "next-round"})
# What breaks a silence: kinds of facts, and of crimes.
HEARD_AS = {
    "update": "update", **dict.fromkeys((*PROBLEMS, OVER_CAP, OVER_QUOTA, TWO_UPDATES), "update"),
    "list": "list", "two-lists": "list", "improper-list": "list",
    "vote": "vote", "double-vote": "vote",
}  # fmt: skip


class Told:
    """A step or a proof under way."""

    def __init__(self, fact: Fact) -> None:
        self.fact = fact
        self.who: dict[bytes, None] = {}
        self.places: dict[Place, None] = {}
        self.statements = fact.proof

    def add(self, who: bytes, place: Place) -> None:
        self.who[who] = None
        self.places[place] = None


class Teller:
    """Of `task`, in the mesh `mesh`."""

    def __init__(self, task: bytes, mesh: bytes) -> None:
        self._task, self._mesh = task, mesh
        self._post = Post(mesh)
        self._heights = Heights()
        self._lines: dict[bytes, list[Line]] = {}
        self._told: dict[tuple[object, ...], Told] = {}
        self._heard: dict[Scope, list[HeardOf]] = {}
        self._opens: dict[int, Open] = {}
        self._begun: dict[int, int] = {}  # round to height
        self._done: dict[int, RoundCommitted] = {}
        self._done_at: dict[int, int] = {}
        self._ended: dict[int, list[Place]] = {}
        self._listed: dict[int, list[Place]] = {}  # where nodes signed their lists
        self._now: dict[bytes, int] = {}  # the round that a journal has come to
        self._tallies: dict[tuple[bytes, bytes], list[Refusals]] = {}  # of one, by another
        self._messages: Counter[tuple[int, bytes]] = Counter()
        self.names: dict[bytes, str] = {}

    # -- reading ----------------------------------------------------------------------------------

    def take(self, node: bytes, index: int, entry: Entry) -> None:
        """One entry of the journal of `node`; each journal's in order."""
        place = Place(node, index, entry.moment.now_ns)
        body = entry.command.body
        line = Line(index, place.now_ns)
        if entry.envelope and isinstance(body, Heard):
            line = _caused(line, entry.envelope)
            self._post.hold(node, index, entry.envelope)
            self._messages[self._now.get(node, -1), body.sender] += 1
        self._lines.setdefault(node, []).append(line)
        for event in entry.events:
            self._hear(place, event.body)
        self._mark_heights(place, entry)

    def _hear(self, place: Place, event: Any) -> None:
        self._heights.hear(place, event)
        for fact in facts_of(place.node, self._task, event):
            self._add(fact, place, event)
        match event:
            case Founded(genesis):
                self.names.update((member.id, member.name) for member in genesis.founders)
            case MemberAdmitted(member):
                self.names[member.id] = member.name
            case RoundOpened(opened) | RoundReopened(opened) if opened.task == self._task:
                self._opens[opened.round] = opened
            case Tallied(of, counts):
                tallies = self._tallies.setdefault((of, place.node), [])
                tallies.append(Refusals(of, counts, place))
            case HeldFormed(held) if held.task == self._task:
                self._listed.setdefault(held.round, []).append(place)
            case _:
                pass

    def _add(self, fact: Fact, place: Place, event: Any = None) -> None:
        shared = fact.kind in SHARED
        key = (fact.scope, fact.kind, b"" if shared else fact.who, fact.crime, fact.key)
        told = self._told.setdefault(key, Told(fact))
        told.add(fact.who, place)
        if isinstance(event, ResultRefused):
            told.statements = (*self._heights.result(event.result), *fact.proof)
        heard = HEARD_AS.get(fact.crime or fact.kind)
        if heard:
            self._heard.setdefault(fact.scope, []).append(HeardOf(heard, fact.who, place.node))

    def _mark_heights(self, place: Place, entry: Entry) -> None:
        """Between which heights a round was open."""
        events = [event.body for event in entry.events if event.name == "ledger"]
        height = next((e.height for e in events if isinstance(e, BlockApplied)), 0)
        for event in events:
            if isinstance(event, RoundBegun) and event.task == self._task:
                self._begun.setdefault(event.round, height)
                self._now[place.node] = event.round
            elif isinstance(event, RoundCommitted) and event.task == self._task:
                self._done.setdefault(event.round, event)
                self._done_at.setdefault(event.round, height)
                self._ended.setdefault(event.round, []).append(place)
                # What counts was heard, even if not by these: the result's lists are the proof.
                counted = (HeardOf("update", credit.submitter, b"") for credit in event.credits)
                self._heard.setdefault(("round", event.round), []).extend(counted)

    # -- telling ----------------------------------------------------------------------------------

    def chapters(self, asked: int | None) -> Iterator[Chapter]:
        """The rounds in order, or the one that was asked for."""
        for fact, place in self._heights.wrong():
            self._add(fact, place)
        for one in self._post.contradictions:
            self._add_contradiction(one)
        order = {at: number for number, at in enumerate(ordered(self._lines))}
        for number in sorted(self._begun):
            if asked is None or asked == number:
                yield self._chapter(number, order)

    def _add_contradiction(self, one: Contradiction) -> None:
        """What no single journal saw, and several show together."""
        first, second = one.first, one.second
        if not isinstance(first, Statement) or not isinstance(second, Statement):
            return
        scope, crime = _crime(first)
        if scope is None or (crime in _OF_TASKS and getattr(first, "task", b"") != self._task):
            return
        fact = Fact(scope, "evidence", one.culprit, one.what, (crime,), (first, second), crime)
        self._add(fact, Place(one.holder, one.at, 0))

    def _chapter(self, number: int, order: dict[tuple[bytes, int], int]) -> Chapter:
        scopes, last = self._scopes(number), len(order)
        told = [one for one in self._told.values() if one.fact.scope in scopes]
        for one in told:
            one.places = dict.fromkeys(sorted(one.places, key=lambda at: order.get(at[:2], last)))
        told.sort(key=lambda one: order.get(next(iter(one.places))[:2], last))
        steps = tuple(_step(one) for one in told)
        proofs = tuple(self._proof(one) for one in told if one.fact.crime)
        opened = self._opens.get(number)
        heard = [each for scope in scopes for each in self._heard.get(scope, ())]
        turns = [self._heights.turns(height) for kind, height in scopes if kind == "height"]
        collector = self._heights.collector(self._done_at.get(number, 0), self._task, number)
        ends = self._ends(number, collector, told)
        silent = silences(opened, heard, turns, collector, ends) if opened else ()
        return Chapter(
            number,
            self._begun[number],
            self._done_at.get(number, 0),
            opened,
            steps,
            proofs,
            tuple(silent) if number in self._done else (),
            tuple(self._refusals(ends)),
            tuple(self._parts(number, told)),
        )

    def _ends(self, number: int, collector: bytes, told: Sequence[Told]) -> Ends:
        collected = (one for one in told if one.fact.kind == "result" and collector in one.who)
        return Ends(
            tuple(self._listed.get(number, ())),
            tuple(place for one in collected for place in one.places),
            tuple(self._ended.get(number, ())),
        )

    def _refusals(self, ends: Ends) -> Iterator[Refusals]:
        """What each had counted of each when the round ended there, or by now."""
        ended = {place.node: place.entry for place in ends.ended}
        for (_, node), tallies in sorted(self._tallies.items()):
            last = ended.get(node)
            until = [one for one in tallies if last is None or one.place.entry <= last]
            yield from until[-1:]

    def _scopes(self, number: int) -> Sequence[Scope]:
        """The round, and the heights from its opening to its end.

        The height that opens a round closes the one before; the first round's belongs to it.
        """
        first = self._begun[number] + (number > 0)
        last = self._done_at.get(number, first + OPEN_HEIGHTS_MAX)
        return [("round", number), *(("height", height) for height in range(first, last + 1))]

    def _proof(self, one: Told) -> Proof:
        fact = one.fact
        signed = bool(one.statements) and not any(
            fault_of_statements(statement, self._mesh) for statement in one.statements
        )
        return Proof(fact.who, fact.crime, fact.what, tuple(one.places), one.statements, signed)

    def _parts(self, number: int, told: Sequence[Told]) -> Iterator[Part]:
        opened = self._opens.get(number)
        if opened is None:
            return
        facts = [one.fact for one in told]
        credited = {credit.submitter for credit in self._credits(number)}
        refused = {fact.who for fact in facts if fact.crime and fact.scope[0] == "round"}
        submitted = {fact.who for fact in facts if fact.kind == "update"}
        listed = {fact.who for fact in facts if fact.kind == "list"}
        attested = {who for one in told if one.fact.kind == "attestation" for who in one.who}
        votes = Counter(who for one in told if one.fact.kind == "vote" for who in one.who)
        voters = {holder.id for holder in opened.validators}
        for who in sorted(voters | set(opened.trainers), key=lambda id_: self.names.get(id_, "")):
            update = (
                "counted" if who in credited
                else "refused" if who in refused
                else "submitted" if who in submitted
                else ""
            )  # fmt: skip
            messages = self._messages[number, who]
            yield Part(who, update, who in listed, who in attested, votes[who], messages)

    def _credits(self, number: int) -> Sequence[Any]:
        done = self._done.get(number)
        return done.credits if done is not None else ()


OPEN_HEIGHTS_MAX = 64  # heights told of a round that did not end: a stuck mesh decides few
_OF_TASKS = frozenset({TWO_UPDATES, "two-lists", "two-attestations", WRONG_RESULT})


def _caused(line: Line, envelope: bytes) -> Line:
    try:
        said = open_unverified(envelope)
    except Refused:
        return line
    return line._replace(sender=said.sender, entry=said.entry or said.head_index)


def _step(one: Told) -> Step:
    return Step(one.fact.kind, tuple(one.who), one.fact.what, tuple(one.places))


def _crime(first: Statement) -> tuple[Scope | None, str]:
    """Where two statements like this one stand, and what it is called to sign both."""
    said = said_by(first)
    if said is not None:
        return ("height", said.height), f"double-{said.kind}"
    match first:
        case Update():
            return ("round", first.round), TWO_UPDATES
        case Held():
            return ("round", first.round), "two-lists"
        case Attestation():
            return ("round", first.round), "two-attestations"
        case _:
            return None, ""

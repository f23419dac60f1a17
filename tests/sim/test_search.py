"""The search over machines made for it: what it reaches, what it calls broken, and its bounds."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from meshkit.consensus.engines import TENDERMINT, Engine, Timeouts
from meshkit.consensus.messages import (
    Begin,
    Certificate,
    Committed,
    Decided,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Serve,
)
from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Send, Wake
from meshkit.core.shell import FREE, NOW
from meshkit.core.value import Statement, Value, digest
from meshkit.sim.search import Before, Case, Choice, Search, everything

IDS = tuple(bytes([number]) * 32 for number in (1, 2, 3))


class Ballot(Statement):
    """A vote for a number; each voter has one."""

    DOMAIN: ClassVar[str] = "test/ballot"
    SIGNER: ClassVar[str] = "voter"

    voter: bytes
    number: int
    signature: bytes = b""


class Counted(Value):
    voter: bytes
    number: int


class Voted(Value):
    number: int


class Asked(Value):
    """One wants to be told of a decision."""


class Told(Value):
    to: bytes


class Count(Value):
    """What a node has heard."""

    ballots: tuple[int, ...] = ()
    voted: int = 0
    last: Committed | None = None
    due_ns: int = 0


class Machine:
    """Votes for the first number it hears, decides on some alike; when woken, votes for 9."""

    def __init__(self, me: bytes, enough: int = 3) -> None:
        self.me, self.enough = me, enough

    def initial(self) -> Count:
        return Count()

    def decide(self, state: Count, command: Any, moment: Moment) -> Sequence[Any]:
        match command:
            case Begin() if state.due_ns == 0:
                return (Voted(0),)
            case Open():
                return (ProposalWanted(1, 0),)
            case Propose(value=value):
                return (ProposalTaken(1, 0, digest(value), self.me, value), Voted(1))
            case Heard(_, Ballot(voter, number)):
                return self._hear(state, voter, number)
            case Heard(sender, Asked()) if state.last is not None:
                return (Told(sender),)
            case Wake() if not state.voted:
                return (Voted(9),)
            case _:
                return ()

    def _hear(self, state: Count, voter: bytes, number: int) -> Sequence[Any]:
        if voter[0] in [ballot // 100 for ballot in state.ballots]:
            return ()
        events: list[Any] = [Counted(voter, number)]
        if not state.voted:
            events.append(Voted(number))
        if sum(ballot % 100 == number for ballot in state.ballots) == self.enough - 1:
            value = Choice(number, 0)
            events.append(Decided(Certificate(1, 0, digest(value), ()), value))
        return events

    def evolve(self, state: Count, event: Any) -> Count:
        match event:
            case Counted(voter, number):
                ballots = tuple(sorted((*state.ballots, 100 * voter[0] + number)))
                return Count(ballots, state.voted, state.last, state.due_ns)
            case Voted(number):
                return Count(state.ballots, number, state.last, 1)
            case Decided(proof, value):
                return Count(state.ballots, state.voted, Committed(proof, value), state.due_ns)
            case _:
                return state

    def react(self, state: Count, event: Any) -> Sequence[Any]:
        match event:
            case Voted(number) if number:
                return (Broadcast(Ballot(self.me, number)),)
            case Told(to):
                return (Send(to, Asked()), Serve(to, 1))
            case _:
                return ()

    def deadline(self, state: Count) -> int | None:
        return 5 if not state.voted else None


def machine(me: bytes, mesh: bytes, timeouts: Timeouts) -> Machine:
    return Machine(me)


def rash(me: bytes, mesh: bytes, timeouts: Timeouts) -> Machine:
    return Machine(me, 2)


def nothing(message: Value) -> bool:
    return False


def wanted(state: Count) -> None:
    """It asks for itself."""


ENGINE: Engine = TENDERMINT._replace(
    attests=False, machine=machine, places={Ballot: ("voter",)}, wanted=wanted
)


def urgent(effect: object) -> int:
    return NOW


def free(effect: object) -> int:
    return FREE


CASE = Case(
    name="ballots", engine=ENGINE, urgency=urgent, timeouts=Timeouts(1, 1, 1), ids=IDS, honest=2,
    repertoire=(Ballot(IDS[2], 1, b"s"), Ballot(IDS[2], 2, b"s")), wakes=0, crashes=0, openers=0,
)  # fmt: skip


def test_a_liar_s_two_words_reach_everybody_in_every_way() -> None:
    found = Search(CASE).run(1)
    assert (found.worlds, found.moves, found.depth) == (5, 4, 1)
    found = Search(CASE).run(50)
    assert found.complete
    assert found.depth < 50
    assert not found.broken


def test_two_decisions_are_found_with_the_shortest_way_to_them() -> None:
    """Two alike are enough: each of two hears another word of the liar, and its own."""
    found = Search(CASE._replace(engine=ENGINE._replace(machine=rash))).run(6)
    assert found.broken == "two values are decided at one height"
    assert found.depth == len(found.trace) == 2
    assert [move[:7] for move in found.trace] == ["0 hears", "1 hears"]


def test_what_is_free_is_forgotten_in_a_crash_and_said_otherwise() -> None:
    crashing = CASE._replace(urgency=free, crashes=1)
    found = Search(crashing).run(3)
    assert "excludes another" in found.broken
    assert len(found.trace) == 3
    assert found.trace[1].endswith("crashes")
    assert not Search(crashing._replace(urgency=urgent)).run(6).broken


def test_a_wake_is_a_move_as_often_as_there_are() -> None:
    assert Search(CASE._replace(repertoire=())).run(3).worlds == 1
    woken = Search(CASE._replace(repertoire=(), wakes=1)).run(9)
    assert woken.complete
    assert woken.worlds == 7  # either, then the other hears of it, then both of both
    assert Search(CASE._replace(repertoire=(), wakes=2)).run(9).worlds > woken.worlds


def test_who_opens_proposes_and_what_it_says_is_in_the_world() -> None:
    search = Search(CASE._replace(openers=0b01, repertoire=()))
    world = search.first()
    assert world[0] == 1
    assert search.said[0].message == Ballot(IDS[0], 1, b"s")
    assert search.said[0].to == 0b10


def test_a_story_before_is_told_first_and_what_does_not_matter_is_not_heard_after() -> None:
    def first_word(node: int, message: Value) -> bool:
        return message == CASE.repertoire[0]

    told = CASE._replace(before=(Before((0, 1), first_word, wakes=0),))
    search = Search(told)
    begin = search.begin()
    assert [search.locals[number].state.get("consensus").voted for number in begin[3:]] == [1, 1]
    deaf = CASE._replace(matters=nothing)
    assert Search(deaf).run(3).worlds == 1
    woken = CASE._replace(before=(Before((0,), first_word, wakes=1),))
    search = Search(woken)
    assert search.locals[search.begin()[3]].state["consensus"].voted == 9
    assert everything(CASE.repertoire[0])


def test_who_asks_is_served_what_was_decided() -> None:
    asked = CASE._replace(repertoire=(*CASE.repertoire, Asked()))
    search = Search(asked)
    search.run(4)
    kinds = {type(said.message) for said in search.said}
    assert kinds == {Ballot, Asked}  # the liar itself is told nothing: it knows everything
    effect = Serve(IDS[1], 1)
    world = search.begin()
    assert search._say(0, search.locals[world[3]], effect) == (0, [])
    with pytest.raises(AssertionError, match="nobody performs"):
        search._say(0, search.locals[world[3]], Asked())


def test_a_search_ends_where_there_is_no_more_room() -> None:
    found = Search(CASE).run(50, worlds_max=6)
    assert not found.complete
    assert found.worlds >= 6


def test_a_restart_is_told() -> None:
    assert Machine(IDS[0]).decide(Count(), Restarted(), Moment(1, 1)) == ()

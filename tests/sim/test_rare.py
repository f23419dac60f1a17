"""Rare states are told from entries, each by its name."""

from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import NIL, Certificate, Committed, Decided
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    Proposal,
    ProposalHeard,
    Proposed,
    RoundStarted,
    ValueJudged,
    VoteCast,
)
from meshkit.consensus.tendermint.state import Round
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Heard, Moment, Wake
from meshkit.core.value import Value
from meshkit.ledger.messages import MemberAdmitted, MemberRemoved, Note
from meshkit.rounds.messages import Candidate, CandidateChosen, Judged, RoundReopened
from meshkit.sim import people, rare
from meshkit.sim.agenda import SECOND
from meshkit.sim.operators import Operators
from meshkit.sim.rare import RARE
from meshkit.sim.setting import Setting, Work
from tests.sim.worlds import BOTH, founded

TASK = b"t" * 32
NOTE = Note(b"a" * 32, 1, b"words")


def decided(number: int) -> Decided:
    return Decided(Certificate(1, number, b"v" * 32, ()), NOTE)


COMMITTED = Heard(b"s" * 32, Committed(Certificate(1, 0, b"v" * 32, ()), NOTE))
JUDGED = Judged(b"r" * 32, TASK, 0, b"c" * 32, True, True, "")
REOPENED: Any = RoundReopened(None, 0)  # type: ignore[arg-type]  # nobody looks into it here


@pytest.mark.parametrize(
    ("command", "events", "names"),
    [
        (Heard(b"", NOTE), (RoundStarted(1, 2, 0, 0),), [rare.SKIPPED]),
        (Heard(b"", NOTE), (RoundStarted(1, 0, 0, 0),), []),
        (Wake(), (RoundStarted(1, 1, 0, 0),), []),
        (Wake(), (Proposed(1, 2, 1, b"v"), Proposed(1, 2, -1, b"v")), [rare.REPROPOSED]),
        (Wake(), (VoteCast(1, 0, PREVOTE, NIL, 0),), [rare.NIL_VOTE]),
        (Wake(), (VoteCast(1, 0, PREVOTE, b"v", 0),), []),
        (Wake(), (ValueJudged(1, b"v", False), ValueJudged(1, b"w", True)), [rare.BAD_BLOCK]),
        (Wake(), (decided(0),), []),
        (Wake(), (decided(1),), [rare.LATER]),
        (Wake(), (decided(3),), [rare.LATER, rare.MUCH_LATER]),
        (COMMITTED, (decided(0),), [rare.CAUGHT_UP]),
        (Wake(), (JUDGED,), []),
        (Wake(), (Judged(b"r", TASK, 0, b"c", False, True, ""),), [rare.PROPOSED_FIRST]),
        (Wake(), (MemberRemoved(b"m"), REOPENED), [rare.REMOVAL]),
        (Wake(), (MemberAdmitted(people.node(0).card(BOTH, 1)), REOPENED), [rare.JOIN]),
        (Wake(), (MemberRemoved(b"m"),), []),
    ],
)
def test_it_is_told_by_its_name(
    command: Value, events: tuple[Value, ...], names: list[str]
) -> None:
    process = founded().processes[0]
    entry = Entry(Moment(1, 1), At("", command), tuple(At("", event) for event in events))
    assert list(rare.rare(process, entry)) == names
    assert set(names) <= set(RARE)


@pytest.mark.parametrize(
    ("locked_round", "vouched", "valid", "told"),
    [(0, -1, True, True), (1, 0, True, True), (0, 0, True, False), (0, -1, False, False)],
)
def test_a_good_proposal_that_meets_a_lock(
    locked_round: int, vouched: int, valid: bool, told: bool
) -> None:
    """Whether the state knew the proposal before the entry that votes, or not."""
    process = founded().processes[0]
    state = process.shell.state
    number = locked_round + 1
    proposal = Proposal(1, number, vouched, b"w", b"p" * 32)
    heard, judged = ProposalHeard(proposal), ValueJudged(1, b"w", valid)
    locked = replace(state["consensus"], locked_round=locked_round, locked_id=b"v")
    process.shell.state = {**state, "consensus": locked}
    vote = VoteCast(1, number, PREVOTE, NIL, 0)
    at_once = Entry(Moment(1, 1), At("", Wake()), tuple(At("", e) for e in (heard, judged, vote)))
    assert (rare.LOCKED in rare.rare(process, at_once)) is told
    known = locked.rounds.set(number, Round(proposal=proposal))
    knowing = replace(locked, rounds=known, judged=locked.judged.set(b"w", valid))
    process.shell.state = {**state, "consensus": knowing}
    later = Entry(Moment(1, 1), At("", Wake()), (At("", vote),))
    assert (rare.LOCKED in rare.rare(process, later)) is told
    elsewhere = Entry(Moment(1, 1), At("", Wake()), (At("", replace(vote, height=2)),))
    assert rare.LOCKED not in rare.rare(process, elsewhere)


def test_whoever_collects_but_the_first_stands_by() -> None:
    mesh = founded()
    operators = Operators(mesh, Setting(), people.operator(0))
    task = operators.submit(0, Work(0, 1, 0, 60_000, 60_000))

    def is_open_everywhere() -> bool:
        return all(task in process.shell.state["rounds"].rounds for process in mesh.processes)

    assert mesh.agenda.run(mesh.agenda.now_ns + SECOND, is_open_everywhere)
    chosen = CandidateChosen(task, Candidate((), (), b""))
    entry = Entry(Moment(1, 1), At("", Wake()), (At("rounds", chosen),))
    told = {
        process.shell.state["rounds"].rounds[task].rank: list(rare.rare(process, entry))
        for process in mesh.processes
    }
    assert told == {0: [], 1: [rare.STANDBY], 2: [rare.STANDBY], 3: [rare.STANDBY]}
    elsewhere = Entry(
        Moment(1, 1), At("", Wake()), (At("", CandidateChosen(TASK, Candidate((), (), b""))),)
    )
    assert list(rare.rare(mesh.processes[0], elsewhere)) == []

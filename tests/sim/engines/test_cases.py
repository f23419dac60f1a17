"""Every order of a few things, by the cases of each engine; and each promise can be broken there.

The depth here is what takes a second or two; `make sim` goes deeper.
"""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from meshkit.consensus import certificate
from meshkit.consensus.messages import NIL
from meshkit.consensus.tendermint import fold, rules
from meshkit.consensus.tendermint.messages import PREVOTE, Proposal, Vote
from meshkit.consensus.tendermint.state import Round, State
from meshkit.core.shell import FREE
from meshkit.sim.engines.cases import CASES, DECIDED, IDS, NAMES, OTHER, offered, votes
from meshkit.sim.search import NAME, Broken, Case, Found, Search

Patch = pytest.MonkeyPatch

DEPTH = 4
EVERY = [*CASES["tendermint"], *CASES["pbft"]]  # Raft goes deeper: `test_more_cases`
TENDERMINT = {case.name.removeprefix("tendermint: "): case for case in CASES["tendermint"]}
LATER = TENDERMINT["one has decided, the others are a round later"]


def broken(cases: Sequence[Case], depth: int) -> list[Found]:
    found = [Search(case).run(depth) for case in cases]
    return [one for one in found if one.broken]


@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_d14_no_order_of_a_few_things_breaks_a_promise(case: Case) -> None:
    found = Search(case).run(DEPTH)
    assert not found.broken, "\n".join((found.broken, *found.trace))
    assert found.worlds > 500
    assert sorted(CASES) == ["pbft", "raft", "tendermint"]


def test_the_search_says_how_many_worlds_it_saw() -> None:
    """Twice the same; a change of the rules changes them, and is to be looked at."""
    first, again = (Search(TENDERMINT["two values proposed"]).run(3) for _ in range(2))
    assert first == again
    assert first.moves > first.worlds > first.locals > 100
    assert not first.complete


def test_where_a_lock_holds_the_search_comes_to_an_end() -> None:
    search = Search(LATER)
    begin = search.begin()
    states = [search.locals[number].state[NAME] for number in begin[3:]]
    assert [state.round for state in states] == [1, 0, 1]
    assert [bool(state.last) for state in states] == [False, True, False]
    assert states[2].locked_id == NAMES[0]
    assert len(DECIDED) == len(LATER.before)


def test_stories_before_let_only_so_much_through() -> None:
    offer = Proposal(1, 0, -1, NAMES[1], IDS[0], OTHER)
    assert offered(0b011)(2, offer)
    assert not offered(0b011)(0, offer)
    assert not votes(PREVOTE, 0, (0, NIL))(0, Vote(PREVOTE, 1, 0, NAMES[0], IDS[0]))


# -- planted bugs ----------------------------------------------------------------------------------


def free(effect: object) -> int:
    return FREE


def test_t11_votes_that_leave_before_they_are_written_are_found() -> None:
    crashing = [case._replace(urgency=free) for case in CASES["tendermint"] if case.crashes]
    found = broken(crashing, 3)
    assert len(found) == len(crashing) == 2
    assert "excludes another" in found[0].broken
    assert any(move.endswith(" crashes") for move in found[0].trace)


def test_t9_a_quorum_of_half_is_found(monkeypatch: Patch) -> None:
    def half(total: int) -> int:
        return total // 2

    for module in (fold, certificate):
        monkeypatch.setattr(module, "quorum", half)
    (found,) = broken([TENDERMINT["two values proposed"]], 4)
    assert found.broken == "two values are decided at one height"
    assert len(found.trace) == found.depth == 4


def test_t1_a_lock_that_does_not_bind_is_found(monkeypatch: Patch) -> None:
    prevote = rules._prevote

    def fickle(state: State, at: Round, now_ns: int) -> object:
        return prevote(replace(state, locked_round=-1), at, now_ns)

    monkeypatch.setattr(rules, "_prevote", fickle)
    (found,) = broken([LATER], 7)
    assert found.broken == "two values are decided at one height"
    assert all(" hears " in move for move in found.trace)


def test_a_decision_without_a_proof_is_found() -> None:
    case = LATER._replace(engine=LATER.engine._replace(vouches=nobody))
    with pytest.raises(Broken, match="was decided without a proof"):
        Search(case).begin()


def nobody(*_: object) -> None:
    """Whose vote this is: nobody's."""

"""Four nodes, one of which lies: the other three go on, are right, and can show what it did."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from integration.conftest import Founding
from integration.journals import accused, agree, recompute
from integration.world import Document, Mesh, meshkit, verified
from meshkit.core.history import TALLIED_MIN
from meshkit.runtime.home import Home

HONEST, LIAR = (0, 1, 2), 3
NAME = f"node-{LIAR}"
ROUNDS = 8  # the liar proposes at every fourth height


class Told(NamedTuple):
    """What the three honest nodes' journals tell of the liar."""

    crimes: set[str]
    silences: Counter[str]
    accused: set[str]  # of the kinds of its statements that stand in the ledger twice


def tell(mesh: Mesh, task: str, rounds: int = ROUNDS) -> Told:
    """Stop all; the three agree, every aggregate is right, and nobody honest is convicted."""
    homes = [mesh.homes[number] for number in HONEST]
    mesh.close()
    assert [mesh.log(number) for number in HONEST] == ["", "", ""]
    found = agree(homes)
    assert recompute(homes) == rounds
    said = [accused(one) for one in found]
    liar = Home.open(mesh.homes[LIAR]).identity.key
    assert all(set(one) <= {liar} for one in said)
    audit = verified(homes)
    assert audit["aggregates_recomputed"] == rounds
    assert {one["node"] for one in audit["evidence"]} <= {NAME}
    story = why(task, homes)
    assert {proof["culprit"] for proof in story["evidence"]} <= {NAME}
    assert all(proof["signed"] for proof in story["evidence"])
    silent = [one for one in story["silences"] if one["node"] == NAME]
    assert all(one["journals"] for one in silent), "it is said where it was noticed"
    silences = Counter(one["kind"] for one in silent)
    crimes = {proof["kind"] for proof in story["evidence"]}
    return Told(crimes, silences, set.union(set(), *(one.get(liar, set()) for one in said)))


def why(task: str, homes: list[Path]) -> Document:
    said = meshkit("audit", "why", "-o", "json", task, *homes)
    assert said.code == 0, said
    return said.document


def lie(found: Founding, *lies: str, rounds: int = ROUNDS) -> tuple[Mesh, str]:
    """A mesh with this liar, once the others have finished a task."""
    mesh = found(propose_ms=300, vote_ms=200, step_ms=200)
    for number in HONEST:
        mesh.start(number)
    mesh.start_liar(LIAR, *lies)
    mesh.ready()
    task = mesh.submit(rounds)
    mesh.finish(task, *HONEST)
    assert mesh.children[LIAR].poll() is None, mesh.log(LIAR)
    return mesh, task


# What the liar does, of what that convicts it by its own signatures, and what the ledger records.
LIES = {
    "two-votes": ({"double-vote"}, {"Vote"}),
    "both-votes": ({"double-vote"}, {"Vote"}),
    "two-attestations": ({"two-attestations"}, {"Attestation"}),
    "two-blocks": ({"double-proposal"}, set()),
    "wrong-blocks": ({"wrong-proposal"}, set()),
    "wrong-results": ({"wrong-proposal"}, set()),
    "unfair-results": ({"wrong-proposal"}, set()),
    "two-updates": ({"two-updates"}, {"Update"}),
    "over-cap": ({"over-cap"}, set()),
    "false-lists": ({"improper-list", "two-lists", "two-updates"}, {"Update"}),
    "spoilt": ({"malformed"}, set()),
    "torrent": ({"double-vote"}, {"Vote"}),
}


@pytest.mark.parametrize("lies", LIES)
def test_who_signs_lies_convicts_itself(found: Founding, lies: str) -> None:
    mesh, task = lie(found, *lies.split())
    crimes, recorded = LIES[lies]
    told = tell(mesh, task)
    assert told.crimes >= crimes
    assert told.accused >= recorded
    # With the liar's own journal at hand, that one is found false, and no other.
    said = meshkit("audit", "verify", "-o", "json", *mesh.homes)
    assert said.code == 3
    assert {one["node"] for one in said.document["findings"]} - {None} == {NAME}


@pytest.mark.parametrize(
    ("lies", "missing"),
    [
        ("no-updates", {"no-update", "no-list"}),
        ("no-votes", {"no-list", "no-vote", "no-proposal"}),
        ("silent", {"no-update", "no-list", "no-vote", "no-proposal"}),
    ],
)
def test_who_is_silent_is_named_with_the_deadline_it_missed(
    found: Founding, lies: str, missing: set[str]
) -> None:
    mesh, task = lie(found, lies)
    told = tell(mesh, task)
    assert told.crimes == set()  # silence proves nothing
    assert set(told.silences) >= missing
    assert all(told.silences[kind] >= ROUNDS for kind in missing - {"no-proposal"})


def test_who_gives_its_update_to_one_only_withholds_it_from_nobody(found: Founding) -> None:
    """Whoever holds it has signed that, so all get it there, and it counts."""
    mesh, task = lie(found, "withholder", rounds=3)
    assert tell(mesh, task, 3).crimes == set()


def test_who_slanders_and_repeats_itself_harms_nobody(found: Founding) -> None:
    mesh, task = lie(found, "slanderer", "replayer")
    assert tell(mesh, task).accused == set()


def test_who_floods_with_nonsense_is_counted_and_cut_short(found: Founding) -> None:
    """By each of the others, in its journal too: a few notes, however long the flood."""
    mesh, task = lie(found, "spate")
    for number in HONEST:
        status = mesh.status(number)
        # Whether the allowance is spent depends on how fast this machine lets it say so much: what
        # is within it is opened and refused, what is beyond it is dropped unread ("flood").
        assert status["refused"]["malformed"] > 0
        assert status["refused"]["unknown-version"] > 0
    tell(mesh, task)
    story = why(task, [mesh.homes[number] for number in HONEST])
    last = [row for row in story["refusals"] if row["round"] == ROUNDS - 1]
    assert {row["node"] for row in story["refusals"]} == {NAME}
    assert {row["journals"][0]["node"] for row in last} == {f"node-{number}" for number in HONEST}
    assert all(sum(row["counts"].values()) >= TALLIED_MIN for row in last)
    assert all(row["counts"]["unknown-version"] for row in last)

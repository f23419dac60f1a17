"""Whole rounds among four to seven members, some of them dead, lossy or lying.

Each round must end, every honest member must find the same results valid, and a member's journal
must lead to its state again. Within a step the world also checks that a command heard twice brings
nothing new, that a wake moves the deadline, and that whatever goes out is owed.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.codec import decode_body, encode_body
from meshkit.core.machine import recheck
from meshkit.core.value import Statement, canonical, digest, from_canonical
from meshkit.rounds.messages import (
    NON_FINITE,
    OVER_CAP,
    Attestation,
    Held,
    HeldConflict,
    HeldRefused,
    Proof,
    Result,
    ResultRefused,
    Update,
    UpdateConflict,
    UpdateRefused,
)
from meshkit.rounds.state import State
from tests.rounds.playbook import BASE, TASK, A, B, C, D, E, F, G, grounds, opening, signed, spec
from tests.rounds.world import BLOB_BYTES, Node, World, story_digest

FOUR = (A, B, C, D)
SEVEN = (A, B, C, D, E, F, G)


def test_a_round_among_honest_members_credits_them_all() -> None:
    world = World(FOUR, rounds=3, seed=1).run()
    world.check()
    for result in world.committed:
        assert [credit.submitter for credit in result.credits] == [A, B, C, D]
    assert len(set(world.models)) == 4
    for node in world.nodes.values():
        assert world.models[-1] in node.blobs, "the final model is with everybody"
        assert node.state == State(node.me), "and nothing else is kept of a finished task"


# -- crashes and losses ----------------------------------------------------------------------------


def entry_by_entry() -> Iterator[tuple[tuple[bytes, int], list[bytes]]]:
    """Each entry that A or B has in an undisturbed round, and the models that come of it."""
    usual = World(FOUR, rounds=1, seed=5).run()
    for who in (A, B):
        for place in range(1, len(usual.nodes[who].journal) + 1):
            yield (who, place), usual.models


def test_a_crash_may_lose_the_effects_of_any_entry() -> None:
    for place, models in entry_by_entry():
        world = World(FOUR, rounds=1, seed=5)
        world.crash_at = {place: 200}
        world.run().check()
        assert world.models == models


def test_the_network_may_lose_the_effects_of_any_entry() -> None:
    """Nobody notices and nothing restarts: wakes alone make up for it."""
    for place, models in entry_by_entry():
        world = World(FOUR, rounds=1, seed=5)
        world.mute_at = {place}
        world.run().check()
        assert world.models == models


def test_who_crashes_in_training_trains_again_but_never_signs_two_updates() -> None:
    for (_, place), _ in entry_by_entry():
        world = World(FOUR, rounds=2, seed=5)
        world.crash_at = {(B, place): 30}
        world.run().check()
        assert world.happened["UpdateConflict"] == 0
        assert world.happened["HeldConflict"] == 0


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    members=st.sampled_from([FOUR, SEVEN[:5], SEVEN[:6], SEVEN]),
    loss=st.sampled_from([0, 2, 10, 30]),
    crashes=st.dictionaries(
        st.tuples(st.sampled_from(FOUR), st.integers(1, 60)), st.integers(10, 4_000), max_size=4
    ),
)
@example(seed=0, members=FOUR, loss=30, crashes={(A, 8): 4_000, (B, 9): 4_000, (C, 10): 4_000})
def test_rounds_end_whoever_crashes_and_comes_back(
    seed: int, members: tuple[bytes, ...], loss: int, crashes: dict[tuple[bytes, int], int]
) -> None:
    world = World(members, rounds=2, seed=seed, loss=loss)
    world.crash_at = crashes
    world.run().check()


def test_two_of_seven_may_stay_away_for_good() -> None:
    """Their updates are waited for until the deadline; if one of them collects, a standby does."""
    world = World(SEVEN, rounds=7, seed=3)
    world.crash_at = {(B, 1): 10**7, (C, 1): 10**7}
    world.run().check()
    for result in world.committed:
        assert [credit.submitter for credit in result.credits] == [A, D, E, F, G]
        assert result.collector not in (B, C)


def test_a_quorum_does_not_wait_for_the_deadline() -> None:
    world = World(FOUR, rounds=2, seed=3)
    world.changes = {"spec": spec(quorum=3, deadline_ms=10**6, patience_ms=50)}
    world.crash_at = {(D, 1): 10**7}
    world.run(horizon_ms=10_000).check()
    assert all(len(result.credits) == 3 for result in world.committed)


# -- liars -----------------------------------------------------------------------------------------


def two_updates(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    """Some get one update, others another."""
    changed = isinstance(said, Update) and said.submitter == node.me and to in (B, D, F)
    yield signed(replace(said, samples=7)) if changed else said


def two_updates_to_one(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield said
    if isinstance(said, Update) and to == B:
        yield signed(replace(said, samples=7))


def over_cap(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield signed(replace(said, samples=1_001)) if isinstance(said, Update) else said


def misstated_size(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield signed(replace(said, size=BLOB_BYTES + 1)) if isinstance(said, Update) else said


def two_lists(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    """To some it says what it holds, to others that it holds nothing."""
    yield said
    if isinstance(said, Held) and to in (B, D, F):
        yield signed(replace(said, updates=()))


def nothing_held(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield signed(replace(said, updates=())) if isinstance(said, Held) else said


def phantom(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    """It lists an update of its own whose blob nobody has, and submits none."""
    if isinstance(said, Held):
        others = tuple(each for each in said.updates if each.submitter != node.me)
        ghost = signed(Update(node.me, TASK, said.round, digest("ghost"), 216, 1, 0, 0))
        named = sorted((*others, ghost), key=lambda each: each.submitter)
        yield signed(replace(said, updates=tuple(named)))
    elif not isinstance(said, Update):
        yield said


def improper_list(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield signed(replace(said, updates=said.updates[::-1])) if isinstance(said, Held) else said


def flood(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    """A hundred of everything, for this round and rounds to come."""
    for number in range(100):
        changes: dict[str, Any] = {"round": 1 + number % 7}
        if isinstance(said, Update):
            changes["samples"] = 1 + number
        elif isinstance(said, Attestation):
            changes["model"] = digest(number)
        yield signed(replace(said, **changes))


def silent(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield from ()


def honest(node: Node, said: Statement, to: bytes) -> Iterator[Statement]:
    yield said


LIES = (
    two_updates, two_updates_to_one, over_cap, misstated_size, two_lists, nothing_held, phantom,
    improper_list, flood, silent, honest,
)  # fmt: skip


def wrong_model(result: Result) -> Result:
    model = digest("poison")
    own = tuple(
        signed(replace(each, model=model))
        for each in result.proof.attestations
        if each.member == result.collector
    )
    return replace(result, model=model, proof=Proof(result.proof.lists, own))


def friends_only(result: Result) -> Result:
    return replace(result, credits=result.credits[1:])


def too_few_lists(result: Result) -> Result:
    few = result.proof.lists[:2]
    own = signed(Attestation(result.collector, TASK, result.round, grounds(few), result.model))
    return replace(result, proof=Proof(few, (own,)))


FALSIFIED = (None, wrong_model, friends_only, too_few_lists)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    lie=st.sampled_from(LIES),
    falsify=st.sampled_from(FALSIFIED),
    withheld=st.frozensets(st.sampled_from(FOUR)),
    loss=st.sampled_from([0, 0, 5, 20]),
    more=st.booleans(),
)
def test_one_liar_stops_nobody(
    seed: int, lie: Any, falsify: Any, withheld: frozenset[bytes], loss: int, more: bool
) -> None:
    """In seven there is room for a liar and for one that is dead."""
    members = SEVEN if more else FOUR
    world = World(members, rounds=2, seed=seed, loss=loss)
    liar = world.nodes[C]  # which collects in the second round
    liar.lie, liar.falsify, liar.withheld = lie, falsify, withheld
    if more:
        world.crash_at = {(G, 5): 10**7}
    world.run().check(liars=frozenset({C}))
    gone = {C, G} if more else {C}
    for result in world.committed:
        assert result.model == digest(["model", result.base, result.credits]), "recomputed"
        if loss == 0:
            assert {credit.submitter for credit in result.credits} >= set(members) - gone


def seen(world: World, kind: type[Any], by: bytes = A) -> list[Any]:
    return [event for event in world.events[by] if isinstance(event, kind)]


def lying(lie: Any, falsify: Any = None, rounds: int = 1) -> World:
    world = World(FOUR, rounds=rounds, seed=4)
    world.nodes[C].lie, world.nodes[C].falsify = lie, falsify
    world.run().check(liars=frozenset({C}))
    return world


@pytest.mark.parametrize("lie", [two_updates, two_updates_to_one])
def test_differing_submissions_count_for_nothing_and_are_proved(lie: Any) -> None:
    world = lying(lie)
    assert [credit.submitter for credit in world.committed[0].credits] == [A, B, D]
    for member in (A, B, D):
        (conflict,) = seen(world, UpdateConflict, by=member)
        assert conflict.first.submitter == conflict.second.submitter == C
        assert {conflict.first.samples, conflict.second.samples} == {100, 7}
        assert conflict.first.signature
        assert conflict.second.signature


def test_a_count_over_the_cap_is_refused_by_name_and_proved() -> None:
    world = lying(over_cap)
    assert [credit.submitter for credit in world.committed[0].credits] == [A, B, D]
    (refused,) = seen(world, UpdateRefused)
    assert (refused.reason, refused.update.samples) == (OVER_CAP, 1_001)
    assert refused.update.signature


def test_a_bad_blob_is_refused_by_name_and_harms_no_other() -> None:
    world = World(FOUR, rounds=1, seed=4)
    world.bad = {digest(["trained", C, TASK, 1]): NON_FINITE}
    world.run()
    for result in world.committed:
        assert [credit.submitter for credit in result.credits] == [A, B, D]
    (refused,) = seen(world, UpdateRefused)
    assert (refused.reason, refused.update.submitter) == (NON_FINITE, C)


def test_two_lists_are_proved_and_one_of_them_counts() -> None:
    world = lying(two_lists)
    (conflict,) = seen(world, HeldConflict, by=B)
    assert conflict.first.holder == conflict.second.holder == C
    assert [credit.submitter for credit in world.committed[0].credits] == [A, B, C, D]


def test_a_list_that_nobody_honest_signs_is_kept_as_evidence() -> None:
    world = lying(improper_list)
    (refused,) = seen(world, HeldRefused)
    assert refused.held.holder == C
    assert refused.held.signature


@pytest.mark.parametrize("falsify", [wrong_model, friends_only, too_few_lists])
def test_a_wrong_result_is_refused_and_another_rank_makes_the_right_one(falsify: Any) -> None:
    world = lying(honest, falsify, rounds=2)
    assert world.committed[1].collector != C
    refused = [event for who in (A, B, D) for event in seen(world, ResultRefused, by=who)]
    assert {(event.result.collector, event.result.round) for event in refused} == {(C, 2)}


def test_a_blob_withheld_from_some_is_fetched_from_who_has_it() -> None:
    world = World(FOUR, rounds=1, seed=4)
    world.nodes[C].withheld = frozenset({A, B})
    world.changes = {"spec": spec(quorum=3, deadline_ms=3_000, patience_ms=300)}
    world.run().check()
    for member in (A, B):
        blob = digest(["trained", C, TASK, 1])
        named = {credit.submitter for credit in world.committed[0].credits}
        assert C not in named or blob in world.nodes[member].blobs


def test_what_nobody_holds_is_void_and_the_next_round_begins() -> None:
    """All updates are bad: the round ends at its deadline with its base, and credits nobody."""
    world = World(FOUR, rounds=2, seed=4)
    world.bad = {digest(["trained", who, TASK, 1]): NON_FINITE for who in FOUR}
    world.run().check()
    assert world.models[:2] == [BASE, BASE]
    assert [len(result.credits) for result in world.committed] == [0, 4]


# -- the laws --------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32), lie=st.sampled_from(LIES), loss=st.sampled_from([0, 10]),
    until=st.integers(1, 200),
)  # fmt: skip
def test_a_journal_replays_rechecks_and_comes_back_from_a_snapshot(
    seed: int, lie: Any, loss: int, until: int
) -> None:
    world = World(FOUR, rounds=2, seed=seed, loss=loss)
    world.nodes[C].lie = lie
    world.run()
    for node in world.nodes.values():
        half = node.journal[:until]
        state = recheck(node.machine, half)
        again = from_canonical(State, canonical(state))
        assert again == state
        assert recheck(node.machine, node.journal[until:], again) == node.state


def test_whatever_is_journaled_can_be_written_and_read_again() -> None:
    world = World(FOUR, rounds=2, seed=3, loss=10)
    world.nodes[C].lie, world.nodes[C].falsify = two_updates, wrong_model
    world.run()
    for entry in (entry for node in world.nodes.values() for entry in node.journal):
        for value in (entry.command, *entry.events):
            assert decode_body(encode_body(value)) == value


def test_members_that_leave_in_the_middle_of_a_round_do_not_stop_it() -> None:
    """Two of four are removed by the ledger: the other two are now all there are."""
    world = World(FOUR, rounds=1, seed=6)
    world.crash_at = {(C, 1): 10**7, (D, 1): 10**7}

    def removed() -> None:
        left = opening((A, B), seed=world.opened(1).seed, spec=spec(deadline_ms=1_500))
        world.members = (A, B)
        for member in world.members:
            world.give(member, left)

    world.at(5_000, removed)
    world.run()
    assert [credit.submitter for credit in world.committed[0].credits] == [A, B]


@pytest.mark.parametrize("hash_seed", ["0", "1"])
def test_a_story_is_decided_alike_at_any_hash_seed(hash_seed: str) -> None:
    """No order may come from a hash, or two replicas would part."""
    command = [sys.executable, "-m", "tests.rounds.world"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert told.stdout.strip() == story_digest()

"""Nobody is censored, and nothing counts that only liars hold: for any weights, lists and lies."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from meshkit.core.value import digest
from meshkit.rounds.inclusion import (
    ELSEWHERE,
    credits_of,
    fault_of_result,
    flaw_of_list,
    flaw_of_update,
    included,
    is_honest,
    is_quorum,
    is_same,
    key_of,
)
from meshkit.rounds.messages import (
    MALFORMED,
    OVER_CAP,
    OVERSIZED,
    Held,
    Holder,
    Open,
    Proof,
    Result,
    Update,
)
from tests.rounds.playbook import (
    BASE,
    TASK,
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    attested,
    grounds,
    held,
    opening,
    signed,
    spec,
    update,
)

MEMBERS = (A, B, C, D, E, F, G)
MODEL = digest("model")


# -- the arithmetic --------------------------------------------------------------------------------


def test_two_thirds_and_a_third_are_strict() -> None:
    assert [part for part in range(4) if is_quorum(part, 3)] == [3]
    assert [part for part in range(5) if is_quorum(part, 4)] == [3, 4]
    assert [part for part in range(4) if is_honest(part, 3)] == [2, 3]
    assert [part for part in range(5) if is_honest(part, 4)] == [2, 3, 4]


@dataclass
class Scene:
    """Validators of any weight, of which some lie, and what each of them lists."""

    validators: tuple[Holder, ...]
    liars: frozenset[bytes]
    lists: dict[bytes, Held]
    chosen: tuple[Held, ...]  # lists of more than two thirds of the weight

    def named_by(self, update: Update, members: frozenset[bytes]) -> frozenset[bytes]:
        return frozenset(
            member
            for member in members
            if any(is_same(update, other) for other in self.lists[member].updates)
        )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    members = MEMBERS[: draw(st.integers(1, 7))]
    weights = {member: draw(st.integers(1, 5)) for member in members}
    total = sum(weights.values())
    liars = set[bytes]()
    for member in draw(st.permutations(members)):
        if 3 * (sum(weights[liar] for liar in liars) + weights[member]) <= total:
            liars.add(member)
    lists = {
        member: held(member, *_named(draw, members, frozenset(liars), member in liars))
        for member in members
    }
    order, chosen, part = draw(st.permutations(members)), list[Held](), 0
    enough = draw(st.booleans())
    for member in order:
        if is_quorum(part, total) and enough:
            break
        chosen.append(lists[member])
        part += weights[member]
    chosen.sort(key=lambda one: one.holder)
    validators = tuple(Holder(member, weights[member]) for member in members)
    return Scene(validators, frozenset(liars), lists, tuple(chosen))


def _named(
    draw: st.DrawFn, members: tuple[bytes, ...], liars: frozenset[bytes], lies: bool
) -> list[Update]:
    """One list. Only a liar has signed two updates; only a liar's list may name what nobody has."""
    named: list[Update] = []
    for who in members:
        pair = [update(who), update(who, samples=99)] if who in liars else [update(who)]
        phantom = [update(who, samples=98)] if who in liars and lies else []
        # What all honest members hold they all list; of the others some hold this, some that.
        always = who not in liars and who == min(set(members) - liars) and not lies
        size = 2 if who in liars else 1
        some = st.lists(st.sampled_from(pair + phantom), unique=True, max_size=size)
        named += pair if always else draw(some)
    return sorted(named, key=lambda each: (each.submitter, each.blob, each.size, each.samples))


@given(scenes())
def test_what_all_honest_members_hold_is_included(scene: Scene) -> None:
    honest = frozenset(scene.lists) - scene.liars
    names = included(scene.chosen, scene.validators, tuple(scene.lists))
    first = update(min(honest))  # the one that all honest lists name
    assert scene.named_by(first, honest) == honest
    assert first in names


@given(scenes())
def test_what_only_liars_hold_is_never_included(scene: Scene) -> None:
    honest = frozenset(scene.lists) - scene.liars
    for each in included(scene.chosen, scene.validators, tuple(scene.lists)):
        assert scene.named_by(each, honest)


@given(scenes())
def test_who_is_seen_to_have_signed_two_updates_counts_for_nothing(scene: Scene) -> None:
    said: dict[bytes, set[Any]] = {}
    for each in (each for one in scene.chosen for each in one.updates):
        said.setdefault(each.submitter, set()).add(replace(each, signature=b""))
    for each in included(scene.chosen, scene.validators, tuple(scene.lists)):
        assert len(said[each.submitter]) == 1


@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_lists_makes_no_difference(scene: Scene, random: Any) -> None:
    shuffled = list(scene.chosen)
    random.shuffle(shuffled)
    names = included(scene.chosen, scene.validators, tuple(scene.lists))
    assert names == included(shuffled, scene.validators, tuple(scene.lists))
    assert [each.submitter for each in names] == sorted(each.submitter for each in names)


@given(scenes())
def test_whatever_lists_a_collector_has_its_result_is_found_right(scene: Scene) -> None:
    """Two collectors may have other lists, and credit others: each is right by its own proof."""
    trainers = tuple(scene.lists)
    opened = opening(trainers, validators=scene.validators)
    names = included(scene.chosen, scene.validators, trainers)
    result = result_of(scene.chosen, names, opened=opened)
    assert fault_of_result(result, opened, trainers) == ""


def test_an_update_signed_in_two_ways_is_one_update() -> None:
    """A liar can make many signatures of one statement: that is no contradiction."""
    twice = signed(update(A), nonce=1)
    assert twice != update(A)
    lists = (held(A, update(A)), held(B, twice), held(C, update(A)))
    validators = opening((A, B, C)).validators
    assert [each.submitter for each in included(lists, validators, (A, B, C))] == [A]


def test_a_trainer_that_was_removed_counts_for_nothing() -> None:
    lists = tuple(held(member, update(A), update(B)) for member in (A, B, C))
    validators = opening((A, B, C)).validators
    assert [each.submitter for each in included(lists, validators, (B, C))] == [B]


def test_an_aggregate_is_named_by_its_credits() -> None:
    assert key_of((update(A),)) == digest(credits_of((update(A),)))
    assert key_of((update(A),)) == key_of((update(A, accuracy_ppm=0),))
    assert key_of((update(A),)) != key_of((update(A, samples=1),))


# -- the form of statements ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({}, ""),
        ({"samples": 1_000}, ""),
        ({"samples": 1_001}, OVER_CAP),
        ({"samples": 0}, MALFORMED),
        ({"size": 217}, OVERSIZED),
        ({"size": 215}, MALFORMED),
        ({"accuracy_ppm": -1}, ""),
        ({"accuracy_ppm": 1_000_000}, ""),
        ({"accuracy_ppm": 1_000_001}, MALFORMED),
        ({"accuracy_ppm": -2}, MALFORMED),
    ],
)
def test_an_update_is_refused_by_name(changes: dict[str, int], flaw: str) -> None:
    assert flaw_of_update(update(A, **changes), spec()) == flaw


@pytest.mark.parametrize(
    ("updates", "flaw"),
    [
        ((), ""),
        ((update(A), update(B)), ""),
        ((update(A, samples=1), update(A, samples=2)), ""),
        ((update(A, samples=2), update(A, samples=1)), "is not in order"),
        ((update(B), update(A)), "is not in order"),
        ((update(A), update(A)), "is not in order"),
        ((update(A), signed(update(A), nonce=1)), "is not in order"),
        (tuple(update(A, samples=samples) for samples in (1, 2, 3)), "names three updates"),
        ((update(E),), "names an update of no trainer"),
        ((update(A, round=2),), "names an update of another round"),
        ((update(A, task=BASE),), "names an update of another round"),
        ((update(A, samples=1_001),), "names an update that is over-cap"),
    ],
)
def test_a_list_in_form(updates: tuple[Update, ...], flaw: str) -> None:
    found = flaw_of_list(held(A, *updates), 1, spec(), (A, B))
    assert found.startswith(flaw)
    assert bool(found) == bool(flaw)


# -- the form of results ---------------------------------------------------------------------------


def result_of(
    lists: tuple[Held, ...], names: tuple[Update, ...], by: bytes = A, opened: Open | None = None
) -> Result:
    model = MODEL if names else BASE
    proof = Proof(lists, (attested(by, grounds(lists, opened), model),))
    return Result(by, TASK, 1, BASE, model, credits_of(names), proof)


UPDATES = (update(A), update(B))
LISTS = tuple(held(member, *UPDATES) for member in (A, B, C))
GROUNDS = grounds(LISTS)
RIGHT = result_of(LISTS, UPDATES)


def with_lists(*lists: Held) -> Result:
    return result_of(lists, UPDATES)


def with_attestations(*attestations: Any) -> Result:
    return replace(RIGHT, proof=Proof(LISTS, attestations))


def test_a_right_result() -> None:
    assert fault_of_result(RIGHT, opening(), (A, B, C, D)) == ""
    seconded = with_attestations(attested(A, GROUNDS, MODEL), attested(D, GROUNDS, MODEL))
    assert fault_of_result(seconded, opening(), (A, B, C, D)) == ""
    nothing = result_of(tuple(held(member) for member in (A, B, C)), ())
    assert fault_of_result(nothing, opening(), (A, B, C, D)) == ""


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (replace(RIGHT, base=TASK), "starts from another model"),
        (with_lists(*LISTS[:2]), "two thirds of the weight or less"),
        (with_lists(*LISTS[:2], held(E, *UPDATES)), "list of no validator"),
        (with_lists(*LISTS[:2], LISTS[1]), "out of order, or one twice"),
        (with_lists(*LISTS[::-1]), "out of order, or one twice"),
        (with_lists(*LISTS[:2], held(C, *UPDATES[::-1])), "a list that is not in order"),
        (with_lists(*LISTS[:2], held(C, *UPDATES, round_=2)), "list of another round"),
        (replace(RIGHT, credits=RIGHT.credits[:1]), "credits other updates"),
        (replace(RIGHT, credits=RIGHT.credits[::-1]), "credits other updates"),
        (
            replace(result_of(tuple(held(each) for each in (A, B, C)), ()), model=MODEL),
            "a new model of nothing",
        ),
        (with_attestations(), "lacks its collector's own"),
        (
            with_attestations(attested(B, GROUNDS, MODEL)),
            "lacks its collector's own",
        ),
        (with_attestations(attested(A, GROUNDS, BASE)), "to something else"),
        (with_attestations(attested(A, BASE, MODEL)), ELSEWHERE),
        (
            with_attestations(attested(A, GROUNDS, MODEL, round=2)),
            "to something else",
        ),
        (with_attestations(*[attested(A, GROUNDS, MODEL)] * 2), "out of order"),
        (
            with_attestations(attested(A, GROUNDS, MODEL), attested(E, GROUNDS, MODEL)),
            "attestation of no validator",
        ),
    ],
)
def test_a_result_that_does_not_follow(result: Result, fault: str) -> None:
    assert fault in fault_of_result(result, opening(), (A, B, C, D))


@pytest.mark.parametrize(
    "opened",
    [opening(trainers=(A, B, D)), opening(validators=(Holder(A, 2), *opening().validators[1:]))],
)
def test_a_result_made_among_others_is_told_from_one_that_is_wrong(opened: Open) -> None:
    """Whoever is a block ahead, or behind, makes what would be wrong here: it has not lied."""
    assert fault_of_result(RIGHT, opened, (A, B, C, D)) == ELSEWHERE


@given(scenes(), st.data())
def test_no_credit_can_be_left_out_or_slipped_in(scene: Scene, data: st.DataObject) -> None:
    trainers = tuple(scene.lists)
    opened = opening(trainers, validators=scene.validators)
    names = included(scene.chosen, scene.validators, trainers)
    every = [*names, *(update(who, samples=97) for who in trainers)]
    others = tuple(data.draw(st.lists(st.sampled_from(every), unique=True, max_size=4)))
    result = result_of(scene.chosen, others, opened=opened)
    fault = fault_of_result(result, opened, trainers)
    assert (fault == "") == (credits_of(others) == credits_of(names))

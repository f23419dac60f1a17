"""The same training gives the same blob, and a model computed another way is the same model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshkit.ledger.forms import update_bytes
from meshkit.rounds.messages import MALFORMED, MODEL, NON_FINITE, UPDATE
from meshkit.sim import operators
from meshkit.sim.labour import UPDATE_BYTES, Grids, Tokens, craft, recomputed
from tests.sim.worlds import SPEC

CRAFTS = (Tokens(), Grids())


def test_each_mode_has_its_craft() -> None:
    assert isinstance(craft(False), Tokens)
    assert isinstance(craft(True), Grids)


@pytest.mark.parametrize("made", CRAFTS, ids=("tokens", "grids"))
def test_training_is_a_function_of_its_inputs(made: Tokens | Grids) -> None:
    base = made.initial(SPEC)
    blobs = [made.update(who, number, SPEC, base) for who in (b"a", b"b") for number in (0, 1)]
    assert len(set(blobs)) == 4
    assert blobs[0] == made.update(b"a", 0, SPEC, base)
    for blob in blobs:
        assert made.problem(UPDATE, blob, len(blob), SPEC) == ""


@pytest.mark.parametrize("made", CRAFTS, ids=("tokens", "grids"))
def test_what_is_no_blob_is_found_out(made: Tokens | Grids) -> None:
    base = made.initial(SPEC)
    update = made.update(b"a", 0, SPEC, base)
    model = made.model(SPEC, base, [(update, 3)])
    for blob in (base, model):
        assert made.problem(MODEL, blob, len(blob), SPEC) == ""
    spoilt = made.spoilt(update)
    assert made.problem(UPDATE, spoilt, len(spoilt), SPEC)
    assert made.problem(UPDATE, base, len(base), SPEC) == MALFORMED
    assert made.problem(MODEL, update, len(update), SPEC) == MALFORMED


def test_how_long_an_update_is_where_liars_make_one_up() -> None:
    assert update_bytes(operators.TASK_SIZE, 16) == UPDATE_BYTES == SPEC.update_bytes


def test_a_token_can_be_spoilt_in_two_ways() -> None:
    made = Tokens()
    update = made.update(b"a", 0, SPEC, made.initial(SPEC))
    assert made.problem(UPDATE, made.spoilt(update), len(update), SPEC) == NON_FINITE
    assert made.problem(UPDATE, update, len(update) + 1, SPEC) == MALFORMED


def test_a_task_starts_from_the_same_model_in_both_modes() -> None:
    assert Tokens().initial(SPEC) == Grids().initial(SPEC)


@given(st.lists(st.integers(1, 1_000), min_size=1, max_size=6), st.booleans())
def test_other_code_computes_the_same_model(weights: list[int], real: bool) -> None:
    made = craft(real)
    base = made.initial(SPEC)
    parts = [
        (made.update(b"%d" % number, 0, SPEC, base), weight)
        for number, weight in enumerate(weights)
    ]
    model = made.model(SPEC, base, parts)
    assert recomputed(real, SPEC, base, parts) == model
    heavier = [(parts[0][0], parts[0][1] + 1_000_000), *parts[1:]]
    if len(parts) > 1:
        assert recomputed(real, SPEC, base, heavier) != model

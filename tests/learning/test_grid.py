"""The grid: what is on it travels unchanged, what is not is refused by name."""

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from meshkit.learning.grid import (
    BITS_MAX,
    BITS_MIN,
    HEADER,
    MODEL_MAGIC,
    SUM_BITS_MAX,
    UPDATE_MAGIC,
    Grid,
    Refused,
    check_grid,
    decode_model,
    decode_update,
    dequantise,
    encode_model,
    encode_update,
    fits,
    model_bytes,
    quantise,
    update_bytes,
    update_dtype,
)

widths = st.integers(BITS_MIN, BITS_MAX)


@st.composite
def on_grid(draw: st.DrawFn) -> tuple[NDArray[np.int32], int]:
    bits = draw(widths)
    limit = (1 << (bits - 1)) - 1
    entries = draw(st.lists(st.integers(-limit, limit), max_size=40))
    return np.array(entries, np.int32), bits


def reason(call: Any, *arguments: Any) -> str:
    with pytest.raises(Refused) as refusal:
        call(*arguments)
    assert "\n" not in str(refusal.value)
    return refusal.value.reason


# -- updates --------------------------------------------------------------------------------------


@given(on_grid())
@example((np.array([], np.int32), 16))
def test_an_update_comes_back_from_its_blob(drawn: tuple[NDArray[np.int32], int]) -> None:
    update, bits = drawn
    blob = encode_update(update, bits)
    back = decode_update(blob, update.size, bits)
    assert back.tolist() == update.tolist()
    assert len(blob) == HEADER.size + update.size * update_dtype(bits).itemsize
    assert encode_update(back, bits) == blob


@pytest.mark.parametrize(
    ("bits", "bytes_each"), [(2, 1), (8, 1), (9, 2), (16, 2), (17, 4), (32, 4)]
)
def test_an_entry_takes_the_smallest_width(bits: int, bytes_each: int) -> None:
    assert update_dtype(bits).itemsize == bytes_each
    assert update_bytes(Grid(10, bits)) == 16 + 10 * bytes_each
    assert len(encode_update(np.zeros(10, np.int32), bits)) == update_bytes(Grid(10, bits))


@pytest.mark.parametrize("bits", [2, 5, 8, 12, 16, 20, 32])
def test_the_range_is_symmetric_and_ends_where_it_says(bits: int) -> None:
    limit = (1 << (bits - 1)) - 1
    dtype = update_dtype(bits)
    header = HEADER.pack(UPDATE_MAGIC, 1, bits, 0, 1)
    for inside in (limit, -limit):
        blob = header + np.array([inside], dtype).tobytes()
        assert decode_update(blob, 1, bits).tolist() == [inside]
    outside = [-limit - 1] if bits in (8, 16, 32) else [-limit - 1, limit + 1]
    for entry in outside:
        blob = header + np.array([entry], dtype).tobytes()
        assert reason(decode_update, blob, 1, bits) == "out-of-grid"


def test_our_own_update_off_the_grid_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        encode_update(np.array([128]), 8)


def test_a_decoded_update_is_a_view_that_cannot_be_written() -> None:
    entries = decode_update(encode_update(np.array([1, 2]), 16), 2, 16)
    assert not entries.flags.writeable


GOOD = encode_update(np.array([1, -2, 3]), 16)


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (b"", "malformed"),
        (GOOD[:15], "malformed"),
        (b"MKUP" + GOOD[4:], "malformed"),
        (MODEL_MAGIC + GOOD[4:], "malformed"),
        (GOOD[:-1], "malformed"),
        (GOOD + b"\0", "oversized"),
        (HEADER.pack(UPDATE_MAGIC, 2, 16, 0, 3) + GOOD[16:], "unknown-version"),
        (HEADER.pack(UPDATE_MAGIC, 1, 8, 0, 3) + GOOD[16:], "wrong-grid"),
        (HEADER.pack(UPDATE_MAGIC, 1, 16, 1, 3) + GOOD[16:], "wrong-grid"),
        (HEADER.pack(UPDATE_MAGIC, 1, 16, 0, 2) + GOOD[16:], "wrong-count"),
        (HEADER.pack(UPDATE_MAGIC, 1, 16, 0, 2**64 - 1) + GOOD[16:], "wrong-count"),
        (GOOD[:16] + np.array([1, -(2**15), 3], "<i2").tobytes(), "out-of-grid"),
    ],
)
def test_a_bad_update_is_refused_by_name(blob: bytes, why: str) -> None:
    assert reason(decode_update, blob, 3, 16) == why


@given(st.binary(max_size=60), st.integers(0, 12), widths)
def test_random_bytes_are_refused(blob: bytes, size: int, bits: int) -> None:
    with pytest.raises(Refused):
        decode_update(blob, size, bits)
    with pytest.raises(Refused):
        decode_model(blob, size)
    with pytest.raises(Refused):
        decode_model(blob)


@given(on_grid(), st.data())
def test_a_changed_byte_is_refused_or_is_another_update(
    drawn: tuple[NDArray[np.int32], int], data: st.DataObject
) -> None:
    """There is one blob for an update: whatever still decodes encodes to just those bytes."""
    update, bits = drawn
    blob = bytearray(encode_update(update, bits))
    where = data.draw(st.integers(0, len(blob) - 1))
    blob[where] ^= data.draw(st.integers(1, 255))
    try:
        back = decode_update(bytes(blob), update.size, bits)
    except Refused:
        return
    assert encode_update(back, bits) == bytes(blob)
    assert back.tolist() != update.tolist()


# -- models ---------------------------------------------------------------------------------------

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=40))
def test_a_model_comes_back_from_its_blob(entries: list[float]) -> None:
    model = np.array(entries, np.float32)
    blob = encode_model(model)
    assert decode_model(blob, model.size).tobytes() == model.tobytes()
    assert decode_model(blob).tobytes() == model.tobytes()
    assert len(blob) == model_bytes(model.size)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e39])
def test_a_model_is_finite(bad: float) -> None:
    assert reason(encode_model, np.array([0.0, bad])) == "non-finite"
    with np.errstate(over="ignore"):
        entries = np.array([0.0, bad], np.float32)
    blob = HEADER.pack(MODEL_MAGIC, 1, 32, 0, 2) + entries.tobytes()
    assert reason(decode_model, blob, 2) == "non-finite"


MODEL = encode_model(np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (GOOD, "malformed"),
        (MODEL[:-1], "malformed"),
        (MODEL + b"\0\0\0\0", "oversized"),
        (HEADER.pack(MODEL_MAGIC, 1, 32, 0, 3) + MODEL[16:], "wrong-count"),
        (HEADER.pack(MODEL_MAGIC, 1, 16, 0, 2) + MODEL[16:], "wrong-grid"),
    ],
)
def test_a_bad_model_is_refused_by_name(blob: bytes, why: str) -> None:
    assert reason(decode_model, blob, 2) == why
    with pytest.raises(Refused):
        decode_model(blob)


# -- onto the grid --------------------------------------------------------------------------------


@given(st.lists(finite, max_size=40), widths, st.integers(0, 30))
def test_quantising_rounds_to_the_nearest_step_or_clips(
    entries: list[float], bits: int, scale_bits: int
) -> None:
    delta = np.array(entries, np.float32)
    steps = quantise(delta, bits, scale_bits)
    reach = ((1 << (bits - 1)) - 1) * 2.0**-scale_bits
    near = np.clip(delta.astype(np.float64), -reach, reach)
    assert steps.dtype == np.int32
    assert np.all(np.abs(dequantise(steps, scale_bits) - near) <= 2.0 ** -(scale_bits + 1))
    encode_update(steps, bits)  # it is on the grid


def test_half_steps_go_to_even() -> None:
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5])
    assert quantise(halves, 8, 0).tolist() == [0, 2, 2, 0, -2, -2]


@given(on_grid(), st.integers(0, 30))
def test_what_is_on_the_grid_stays(drawn: tuple[NDArray[np.int32], int], scale_bits: int) -> None:
    update, bits = drawn
    assert quantise(dequantise(update, scale_bits), bits, scale_bits).tolist() == update.tolist()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nothing_on_the_grid_stands_for_nan(bad: float) -> None:
    assert reason(quantise, np.array([0.0, bad]), 16, 12) == "non-finite"


# -- the bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "grid", [Grid(0), Grid(-1), Grid(1, 1), Grid(1, 33), Grid(1, 16, -1), Grid(1, 16, 31)]
)
def test_no_update_fits_such_a_grid(grid: Grid) -> None:
    assert reason(check_grid, grid) == "grid"


def test_the_default_grid_is_good() -> None:
    check_grid(Grid(1))


@given(widths, st.integers(1, 2**40), st.integers(1, 2**20))
def test_a_sum_that_fits_can_never_overflow(bits: int, samples_max: int, updates: int) -> None:
    largest = ((1 << (bits - 1)) - 1) * samples_max * updates
    if fits(bits, samples_max, updates):
        assert 2 * largest < 2**63
    else:
        assert np.log2(samples_max) + np.log2(updates) + bits > SUM_BITS_MAX - 1e-9


def test_the_policy_of_a_mesh_fits() -> None:
    assert fits(32, 100_000, 10_000)
    assert not fits(32, 2**20, 2**11)
    assert fits(32, 2**20, 2**10)

"""What a field may hold follows from its name; no field of bytes is left to chance."""

import pytest

from meshkit.codec import form
from meshkit.codec.rooms import ROOM_OF
from meshkit.codec.shape import shapes


def test_every_field_of_bytes_says_what_its_bytes_are() -> None:
    unsaid = [
        f"{kind.__name__}.{shape.name}"
        for kind in ROOM_OF
        for shape in shapes(kind)
        if shape.scalar is bytes and shape.name not in form.BYTES_FORMS
    ]
    assert not unsaid, "name them in meshkit.codec.form.BYTES_FORMS"


def test_every_form_is_of_a_field_that_exists() -> None:
    names = {shape.name for kind in ROOM_OF for shape in shapes(kind)}
    names |= {f"{kind.__name__}.{shape.name}" for kind in ROOM_OF for shape in shapes(kind)}
    names |= {"mesh", "head_hash"}  # of the envelope
    ruled = set(form.BYTES_FORMS) | set(form.TEXT_FORMS) | form.SIGNED_NAMES
    assert not ruled - names


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("height", (0, 2**53 - 1), (-1, 2**53)),
        ("valid_round", (-1, 2**53 - 1), (2**53,)),
        ("seed", (0, 2**64 - 1), (-1, 2**64)),
        ("created_ns", (0, 2**62 - 1), (-1, 2**62)),
        ("deadline_ms", (0, 2**40 - 1), (-1, 2**40)),
    ],
)
def test_the_range_of_an_integer_follows_from_its_name(
    name: str, allowed: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    found = form.form_of("Any", name, int)
    assert found is not None
    assert all(number in found for number in allowed)
    assert not any(number in found for number in refused)


@pytest.mark.parametrize(
    ("kind", "name", "scalar", "allowed", "refused"),
    [
        ("Vote", "voter", bytes, (32,), (0, 31, 33, 64)),
        ("Vote", "value_id", bytes, (0, 32), (1, 31, 33)),
        ("Vote", "signature", bytes, (0, 64), (1, 63, 65)),
        ("RoundResult", "model", bytes, (32,), (0,)),
        ("Close", "model", bytes, (0, 32), (1,)),
        ("Note", "payload", bytes, (0, 65_536), (65_537,)),
        ("Member", "name", str, (0, 4_096), (4_097,)),
        ("Task", "parameters", str, (0, 65_536), (65_537,)),
    ],
)
def test_lengths_follow_from_the_name_and_sometimes_the_class(
    kind: str, name: str, scalar: type, allowed: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    found = form.form_of(kind, name, scalar)
    assert found is not None
    assert all(length in found for length in allowed)
    assert not any(length in found for length in refused)


def test_a_truth_value_is_free() -> None:
    assert form.form_of("Judge", "valid", bool) is None


def test_two_of_the_largest_numbers_add_up_to_one_with_a_canonical_form() -> None:
    times_ns = 2 * form.TIME_NS[-1]
    span_ns = form.SPAN_MS[-1] * 10**6
    weights = 1_000 * form.NATURAL[-1]
    assert max(times_ns + span_ns, weights) < 2**64

"""How things are put."""

from meshkit.audit.words import a, count, name_of, named, one_line, ref, refs, short
from meshkit.rounds.messages import Update

ANN, BEN = b"a" * 32, b"b" * 32
NAMES = {ANN: "Ann"}


def test_a_node_is_named_once_its_name_is_known() -> None:
    text = f"{ref(ANN)} and {ref(BEN)}, {{not a node}}"
    assert named(text, NAMES) == "Ann and 6262626262626262, {not a node}"
    assert name_of(BEN, NAMES) == short(BEN) == "62" * 8


def test_several_or_none() -> None:
    assert named(refs([ANN, BEN]), NAMES) == "Ann, 6262626262626262"
    assert refs([]) == "nobody"
    assert (count(1, "entry"), count(2, "effect"), count(0, "effect")) == (
        "1 entry", "2 effects", "0 effects",
    )  # fmt: skip


def test_an_article() -> None:
    update = Update(ANN, BEN, 0, BEN, 1, 1, -1, -1)
    assert (a(update), a("Vote")) == ("an Update", "a Vote")


def test_an_error_is_one_line_of_bounded_length() -> None:
    assert one_line(ValueError("two\nlines")) == "ValueError: two lines"
    assert len(one_line(ValueError("x" * 1_000))) == 200

"""Every annotation that a value may carry has one meaning, and no other is let through."""

from typing import Any

import pytest

from meshkit.codec.shape import Shape, shapes
from meshkit.consensus.tendermint.messages import Proposal, Vote
from meshkit.core.value import Statement, Value


class Sample(Value):
    number: int
    words: tuple[str, ...]
    maybe: bytes | None
    vote: Vote
    votes: tuple[Vote, ...]
    anything: Any
    value: Value
    statements: tuple[Statement, ...]
    either: Vote | Proposal
    eithers: tuple[Vote | Proposal, ...]
    perhaps: Vote | Proposal | None


def test_annotations_are_read() -> None:
    assert shapes(Sample) == (
        Shape("number", scalar=int),
        Shape("words", scalar=str, many=True),
        Shape("maybe", scalar=bytes, optional=True),
        Shape("vote", message=Vote),
        Shape("votes", message=Vote, many=True),
        Shape("anything", allowed=(Value,)),
        Shape("value", allowed=(Value,)),
        Shape("statements", allowed=(Statement,), many=True),
        Shape("either", allowed=(Vote, Proposal)),
        Shape("eithers", allowed=(Vote, Proposal), many=True),
        Shape("perhaps", allowed=(Vote, Proposal), optional=True),
    )


class Measured(Value):
    seconds: float


class Outside(Value):
    sample: Sample  # of no room


@pytest.mark.parametrize("kind", [Measured, Outside])
def test_what_has_no_message_is_refused(kind: type[Value]) -> None:
    with pytest.raises(TypeError, match=rf"{kind.__name__}\.\w+: .* has no message"):
        shapes(kind)

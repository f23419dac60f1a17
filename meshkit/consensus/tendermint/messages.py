"""The statements of Tendermint: proposals and two kinds of votes."""

from typing import ClassVar

from meshkit.core.value import Statement, Value

PREVOTE = 1
PRECOMMIT = 2


class Vote(Statement):
    """A prevote or precommit for `value_id`, or for nothing (`NIL`)."""

    DOMAIN: ClassVar[str] = "meshkit/tendermint/vote/1"
    SIGNER: ClassVar[str] = "voter"

    kind: int
    height: int
    round: int
    value_id: bytes
    voter: bytes
    signature: bytes = b""


class Proposal(Statement):
    """A value for one round; `valid_round` is -1, or the round whose prevotes vouch for it.

    The signature covers the value through `value_id`, so evidence stays small.
    """

    DOMAIN: ClassVar[str] = "meshkit/tendermint/proposal/1"
    SIGNER: ClassVar[str] = "proposer"
    UNSIGNED: ClassVar[tuple[str, ...]] = ("value", "signature")

    height: int
    round: int
    valid_round: int
    value_id: bytes
    proposer: bytes
    value: Value | None = None
    signature: bytes = b""

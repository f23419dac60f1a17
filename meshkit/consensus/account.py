"""What engines do, in words that all of them share: for whoever tells a story of their journals.

Each engine says of its own events and statements which of these they are (`engines.Engine`). A turn
is what a proposer has: a round of Tendermint, a view of PBFT.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from meshkit.consensus.messages import Validator
from meshkit.core.value import Statement


class Said(NamedTuple):
    """A statement: a vote, or a proposal."""

    statement: Statement
    kind: str  # VOTE or PROPOSAL
    name: str  # what one is called: "Prevote"
    deed: str  # what who says it does: "prevotes"
    height: int
    turn: int
    signer: bytes
    value_id: bytes  # empty: for nothing


VOTE, PROPOSAL = "vote", "proposal"


class HeightOpened(NamedTuple):
    """These vote on a height; `proposer` tells whose each turn of it is."""

    height: int
    voters: tuple[Validator, ...]
    proposer: Callable[[int], bytes]


class TurnBegun(NamedTuple):
    """Another turn begins, a `word`; of the height that is open, if none is said."""

    height: int | None
    turn: int
    word: str


class ValueFound(NamedTuple):
    """A proposed value was found right, or not."""

    height: int
    value_id: bytes
    valid: bool


Deed: TypeAlias = Said | HeightOpened | TurnBegun | ValueFound

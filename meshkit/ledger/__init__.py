"""The ledger: what the mesh agrees on, and nothing else.

Consensus orders blocks; the ledger says what they mean. It is a fold over the decided blocks from
the genesis on: members with their roles and weights, operators and their serials, tasks and how far
their rounds have come, proved contradictions, and the seed from which committees are drawn. Two
nodes at one height hold the same state to the last bit, and whoever has the blocks has the state.

    genesis ──Found──▶ Founded
    block h ──Apply──▶ one event a fact, in the order of the items … BlockApplied(h)

    check(state, item)          may this be applied next?       asked when an item comes in
    build(state, …)             what would a block hold?        asked of a proposer
    check_block(state, block)   may this be voted for?          asked of every validator

A round of a task begins with `RoundOpened` (its base model, and the seed that draws its committee)
and ends with a `RoundResult` among a block's items: `RoundCommitted`, and then either the next
`RoundOpened` or `TaskFinished`. A round is open exactly as long as the ledger says so.

`forms` judges values by themselves, `checks` items against a state, `blocks` whole blocks; `beacon`
and `draw` make chance that nobody can choose. Not here: signatures (the opening of an envelope
verifies them), proofs of results (the rounds' machine), certificates (consensus).
"""

from meshkit.ledger.checks import check, has_standing, hopeless, item_id
from meshkit.ledger.forms import canonical_json, check_genesis
from meshkit.ledger.machine import Ledger
from meshkit.ledger.state import (
    State,
    committee,
    trainers,
    validators,
    validators_at,
)

__all__ = [
    "Ledger",
    "State",
    "check",
    "check_genesis",
    "canonical_json",
    "committee",
    "has_standing",
    "hopeless",
    "item_id",
    "trainers",
    "validators",
    "validators_at",
]

"""Tongues: what a lying node says to others while its journal says something else.

Each takes the number of the hearer and the message, and gives what is said instead.
"""

from msgspec.structs import replace

from meshkit.consensus.messages import NIL
from meshkit.consensus.tendermint.messages import Proposal, Vote
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.messages import Block, RoundResult
from meshkit.pool.messages import Offered
from meshkit.rounds.messages import Attestation, Held, Proof, Update
from tests.audit.world import identity_of

LIAR = 3  # of four
ME = identity_of(LIAR).key
POISON = b"p" * 32


def two_votes(to: int, message: Value) -> Value:
    """Votes for nothing before node 0, and as it should before the others."""
    if isinstance(message, Vote) and message.voter == ME and to == 0 and message.value_id:
        return replace(message, value_id=NIL, signature=b"")
    return message


def two_updates(to: int, message: Value) -> Value:
    if isinstance(message, Update) and message.submitter == ME and to == 0:
        return replace(message, samples=message.samples + 1, signature=b"")
    return message


def over_cap(to: int, message: Value) -> Value:
    if isinstance(message, Update) and message.submitter == ME:
        return replace(message, samples=10**6, signature=b"")
    return message


def two_lists(to: int, message: Value) -> Value:
    if isinstance(message, Held) and message.holder == ME and to == 0:
        return replace(message, updates=(), signature=b"")
    return message


def improper_list(to: int, message: Value) -> Value:
    if isinstance(message, Held) and message.holder == ME:
        return replace(message, updates=message.updates[::-1], signature=b"")
    return message


def two_attestations(to: int, message: Value) -> Value:
    if isinstance(message, Attestation) and message.member == ME and to == 0:
        return replace(message, model=POISON, signature=b"")
    return message


def wrong_result(to: int, message: Value) -> Value:
    """Whatever it collects or proposes has a model that was never computed."""
    match message:
        case Attestation(member) if member == ME:
            return replace(message, model=POISON, signature=b"")
        case RoundResult():
            return _poisoned(message)
        case Offered(RoundResult() as item):
            return Offered(_poisoned(item))
        case Proposal(proposer=proposer, value=Block() as block) if proposer == ME:
            items = tuple(_poisoned(item) for item in block.items)
            if items == block.items:
                return message
            wrong = replace(block, items=items)
            return replace(message, value=wrong, value_id=digest(wrong), signature=b"")
        case _:
            return message


def wrong_blocks(to: int, message: Value) -> Value:
    """Proposes blocks that follow no other."""
    match message:
        case Proposal(proposer=proposer, value=Block() as block) if proposer == ME:
            wrong = replace(block, previous=POISON)
            return replace(message, value=wrong, value_id=digest(wrong), signature=b"")
        case _:
            return message


def two_blocks(to: int, message: Value) -> Value:
    """Proposes one block to node 0 and another to the rest."""
    return wrong_blocks(to, message) if to == 0 else message


def _poisoned(item: Statement) -> Statement:
    if not isinstance(item, RoundResult) or item.collector != ME:
        return item
    assert isinstance(item.proof, Proof), "nothing else proves a round's result"
    own = [one for one in item.proof.attestations if one.member == ME]
    attested = tuple(replace(one, model=POISON, signature=b"") for one in own)
    proof = replace(item.proof, attestations=attested)
    return replace(item, model=POISON, proof=proof, signature=b"")


def mute(to: int, message: Value) -> None:
    """Says nothing to anybody."""

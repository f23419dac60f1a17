"""What an honest shell lets in from outside, entry by entry.

A machine decides whatever it is asked; that it was asked rightly shows only in where the asking
came from. Peers are heard through their envelopes. Everything else comes in by one of few doors:
the process's own start and clock, its operators, its guests, its workers, its stores. What one
machine asks of another it asks inside a step, and such a command as an entry's cause is a liar's:
a judgement without a proposal to judge, a block that nobody decided.
"""

from typing import Any

from meshkit.audit.words import a, short
from meshkit.core.composite import At
from meshkit.core.history import ShowHead, Snapshot, Start, Tally
from meshkit.core.machine import Entry, Restarted, Wake
from meshkit.core.value import Statement, digest, signing_digest, statements
from meshkit.ledger.messages import ITEMS, Accusation, Found, Note, Reanchor, RoundResult
from meshkit.pool.messages import LinkDrawn, Offer, OfferAll
from meshkit.rounds.messages import Aggregated, Fetched, Trained, TrainingFailed
from meshkit.wire.keys import verify

DOORS: dict[str, tuple[type, ...]] = {
    "": (Restarted, Wake),
    "history": (Start, Snapshot, ShowHead, Tally),
    "ledger": (Found,),
    "pool": (Offer, OfferAll, LinkDrawn),
    "rounds": (Trained, TrainingFailed, Fetched, Aggregated),
}
OWN_WORK = (
    Accusation,
    Reanchor,
    RoundResult,
)  # items that a node's own rules make, and nobody else


def fault_of_cause(
    entry: Entry, me: bytes, mesh: bytes, index: int, told: tuple[type, ...] = ()
) -> str:
    """Why no honest node `me` of `mesh` has such an entry at `index`, or nothing.

    `told`: the commands that a volatile half of the mesh's engine tells the journaled one.
    """
    command: At = entry.command
    if entry.envelope:
        return "" if command.name else f"no machine hears {a(command.body.message)}"
    body = command.body
    doors = told if command.name == "consensus" else DOORS.get(command.name, ())
    if not isinstance(body, doors):
        return f"{a(body)} to {command.name or 'all'} never comes from outside"
    match body:
        case Found(genesis):
            if digest(genesis) != mesh:
                return f"founds the mesh {short(digest(genesis))}, not {short(mesh)}"
        case Snapshot(covered):
            if covered != index - 1:
                return f"a snapshot of entry {covered}"
        case Offer(item):
            return fault_of_offer(item, me, mesh)
        case OfferAll(items):
            return next(filter(None, (fault_of_offer(item, me, mesh) for item in items)), "")
        case _:
            pass
    return ""


def fault_of_offer(item: Statement, me: bytes, mesh: bytes) -> str:
    """An operator's or a guest's item comes signed; a note of the node's owner may come bare."""
    if not isinstance(item, ITEMS):
        return f"{a(item)} is no item"
    own = getattr(item, item.SIGNER) == me
    if own and isinstance(item, OWN_WORK):
        return f"{a(item)} of its own never comes from outside"
    bare = own and isinstance(item, Note) and not item.signature
    return "" if bare else fault_of_statements(item, mesh)


def fault_of_statements(value: Any, mesh: bytes) -> str:
    """Which statement in `value` its signer did not sign, or nothing."""
    for statement in statements(value):
        signer = getattr(statement, statement.SIGNER)
        signature = getattr(statement, "signature", b"")
        if not verify(signer, signing_digest(statement, mesh), signature):
            return f"{a(statement)} that {short(signer)} did not sign"
    return ""

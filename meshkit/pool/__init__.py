"""The pool: what this node would put in the next block, if it were asked.

Items come in by our own door (an operator's command, a round's result, evidence) or from peers.
What came in by our own door is told to everyone at once, and again at growing intervals until it
is settled; a peer's item is kept, and said again only after long, for whoever offered it may have
died. An item is *settled* when it stands in the ledger or never can: then it is forgotten, and its
id is remembered for a while, so that late gossip does not bring it back.

    Offer ──▶ ItemDrafted ──Broadcast, signed by the shell──▶ Heard from ourselves ──▶ ItemPooled
    Offer of a signed item, Heard from a peer ───────────────────────────────────────▶ ItemPooled
    a block was applied ──Settle──▶ ItemsSettled

Each signer has a quota, so a flood harms the flooder alone, and `candidates` takes signers in turn.
The pool judges nothing else about an item: whether it may be applied is the ledger's to say.

A block also needs the next link of our hash chain (see the ledger's `beacon`). It is drawn ahead,
and stays ready until it stands in the ledger: whatever we propose at a height, in whichever round,
carries the same link, so that we have nothing to choose from.
"""

from meshkit.pool.machine import Pool
from meshkit.pool.messages import Limits, Offered
from meshkit.pool.state import (
    State,
    candidates,
    held,
    highest_serial,
    id_of,
    is_signed,
    item_id,
    knows,
    next_link,
    waiting,
)

__all__ = [
    "Limits",
    "Offered",
    "Pool",
    "State",
    "candidates",
    "held",
    "highest_serial",
    "id_of",
    "is_signed",
    "item_id",
    "knows",
    "next_link",
    "waiting",
]

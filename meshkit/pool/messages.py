"""What the pool is told, what it tells, and the one message by which items travel.

An item is a statement of one of the kinds the pool was made for. Its *id* is the digest of what
its signature covers, so an item is the same before and after it is signed, and nobody can fill a
pool with one statement under many signatures.
"""

from typing import TypeAlias

from meshkit.core.machine import Broadcast, Heard, Restarted, Wake
from meshkit.core.value import Statement, Value


class Limits(Value):
    """What one node's pool holds. Each limit of a signer holds for own signers too."""

    signer_items_max: int = 64  # as the genesis' policy says, whose default this is
    signer_bytes_max: int = 8 * 2**20  # two round results of a hundred members (a guess)
    items_max: int = 4_096  # 64 items of 64 signers: a third of two hundred members (a guess)
    bytes_max: int = 64 * 2**20  # a node stays small on any machine (a guess)


# -- the message ----------------------------------------------------------------------------------


class Offered(Value):
    """An item, by whatever hand: its signer has signed it."""

    item: Statement


# -- commands -------------------------------------------------------------------------------------


class Configure(Value):
    """The limits from now on; what is held already stays."""

    limits: Limits


class Offer(Value):
    """Our own side wants this in the ledger. An item that is ours to sign may come unsigned."""

    item: Statement


class OfferAll(Value):
    """Our own side wants all of these: what came in together is one command, and one entry."""

    items: tuple[Statement, ...]


class Settle(Value):
    """These items are in the ledger, or never can be: forget them, and do not take them again."""

    items: tuple[Statement, ...]


class Advance(Value):
    """The ledger expects our link at `position` next: those before it are spent."""

    position: int


class WantAnchor(Value):
    """The ledger will soon need the anchor at `position`, which begins our next hash chain."""

    position: int


class LinkDrawn(Value):
    """The link of our hash chain at `position`, as asked for by `DrawLink`."""

    position: int
    link: bytes


Command: TypeAlias = (
    Configure
    | Offer
    | OfferAll
    | Settle
    | Advance
    | WantAnchor
    | LinkDrawn
    | Heard  # of `Offered`, or of an item from its own signer
    | Wake
    | Restarted
)


# -- events ---------------------------------------------------------------------------------------


class Configured(Value):
    limits: Limits


class ItemDrafted(Value):
    """An item of our own waits for our signature."""

    item: Statement
    id: bytes
    size_bytes: int
    due_ns: int


class ItemPooled(Value):
    """A signed item waits to be put in a block."""

    item: Statement
    id: bytes
    own: bool  # came in by our own door
    size_bytes: int
    due_ns: int  # when it is offered again
    announce: bool  # to be offered at once


class OfferRefused(Value):
    """Our own side's item was not taken, and this is the answer to whoever brought it."""

    id: bytes
    reason: str  # "slug: words"


class ItemsOffered(Value):
    """These waited so long that they were offered again."""

    ids: tuple[bytes, ...]
    now_ns: int


class ItemsSettled(Value):
    ids: tuple[bytes, ...]


class LinkReady(Value):
    """What we need besides items to build a block."""

    position: int
    link: bytes


class LinkSpent(Value):
    """Our links up to `position` stand in the ledger."""

    position: int


class AnchorWanted(Value):
    position: int


class AnchorReady(Value):
    """The anchor of our next chain: it may be put before the ledger."""

    position: int
    anchor: bytes


class Resumed(Value):
    """After a restart, whatever was asked of the world is asked again."""

    now_ns: int


Event: TypeAlias = (
    Configured
    | ItemDrafted
    | ItemPooled
    | OfferRefused
    | ItemsOffered
    | ItemsSettled
    | LinkReady
    | LinkSpent
    | AnchorWanted
    | AnchorReady
    | Resumed
)


# -- effects --------------------------------------------------------------------------------------


class DrawLink(Value):
    """Look up our hash chain at `position` and bring it back as `LinkDrawn`."""

    position: int


Effect: TypeAlias = Broadcast | DrawLink

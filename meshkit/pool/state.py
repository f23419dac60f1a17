"""What waits in the pool, for whom it counts, when it is offered again, and our next link."""

from operator import attrgetter
from typing import assert_never

from immutables import Map
from msgspec.structs import replace

from meshkit.core.value import Statement, Value, canonical, signing_digest
from meshkit.pool.messages import (
    AnchorReady,
    AnchorWanted,
    Configured,
    Event,
    ItemDrafted,
    ItemPooled,
    ItemsOffered,
    ItemsSettled,
    Limits,
    LinkReady,
    LinkSpent,
    OfferRefused,
    Resumed,
)

SECOND_NS = 1_000_000_000  # by definition
OWN_AGAIN_NS = SECOND_NS // 2  # the publisher's gaps are asked for sooner; this is the second line
OWN_AGAIN_NS_MAX = 30 * SECOND_NS  # nothing was decided for so long: there is no quorum (a guess)
OTHERS_AGAIN_NS = 20 * SECOND_NS  # its origin may be dead; while it lives, it offers it itself
OTHERS_AGAIN_NS_MAX = 600 * SECOND_NS  # all n nodes do this for each item (a guess)
BATCH = 32  # items offered in one wake (a guess: small beside what PUB holds, 1,000)
BATCH_AGAIN_NS = SECOND_NS // 20  # until the next batch of what is due
SIGNATURE_BYTES = 64  # Ed25519
SETTLED_KEPT = 8_192  # ids remembered at least: 32 full blocks, so that late gossip is known


class Pending(Value):
    """An item that waits, and how it is offered."""

    item: Statement
    signer: bytes
    size_bytes: int
    number: int  # in the order of arrival
    signed: bool
    own: bool
    offers: int  # how often it went out
    due_ns: int


class State(Value):
    """`queues` holds each signer's waiting ids in the order of arrival."""

    limits: Limits = Limits()
    configured: bool = False
    items: Map[bytes, Pending] = Map()
    queues: Map[bytes, tuple[bytes, ...]] = Map()
    used_bytes: Map[bytes, int] = Map()  # by signer
    all_bytes: int = 0
    arrivals: int = 0
    due_ns: int | None = None  # never later than the first item's
    settled: Map[bytes, bool] = Map()  # the latest ids, fewer than SETTLED_KEPT
    settled_before: Map[bytes, bool] = Map()  # and the SETTLED_KEPT before those
    position: int = 1  # of our next link
    link: bytes = b""  # there, once drawn
    anchor: int = 0  # the position of an anchor being drawn; 0: none


def item_id(item: Statement) -> bytes:
    """The digest of what an item's signature covers, whatever the mesh: signed or not, the same."""
    return signing_digest(item, b"")


def signer_of(item: Statement) -> bytes:
    signer: bytes = getattr(item, item.SIGNER)
    return signer


def is_signed(item: Statement) -> bool:
    return getattr(item, "signature", b"") != b""


def size_bytes_of(item: Statement) -> int:
    """What an item takes; a draft is reckoned with the signature it will have."""
    return len(canonical(item)) + (0 if is_signed(item) else SIGNATURE_BYTES)


# -- questions ------------------------------------------------------------------------------------


def knows(state: State, id_: bytes) -> bool:
    """Does this item wait here, or is it settled, as far as we remember?"""
    return id_ in state.items or is_settled(state, id_)


def is_settled(state: State, id_: bytes) -> bool:
    return id_ in state.settled or id_ in state.settled_before


def id_of(state: State, item: Statement) -> bytes:
    """An item's id: that under which it waits here, if it does."""
    for id_ in state.queues.get(signer_of(item), ()):
        if state.items[id_].item is item:
            return id_
    return item_id(item)


def held(state: State, id_: bytes) -> Statement | None:
    """The item of this id, if it waits here."""
    pending = state.items.get(id_)
    return None if pending is None else pending.item


def waiting(state: State) -> tuple[Statement, ...]:
    """All items here, those that wait for our signature included, in the order of arrival."""
    return tuple([one.item for one in sorted(state.items.values(), key=attrgetter("number"))])


def next_link(state: State) -> bytes:
    """Our link for the next block; b"" while it is not drawn yet."""
    return state.link


def highest_serial(state: State, signer: bytes) -> int:
    """The highest serial among this signer's waiting items; 0 if there is none."""
    ids = state.queues.get(signer, ())
    return max((serial_of(state.items[id_].item) for id_ in ids), default=0)


def serial_of(item: Statement) -> int:
    """What its signer numbered goes in by number; what has no number goes first."""
    serial: int = getattr(item, "serial", 0)
    return serial


def candidates(state: State, items_max: int, bytes_max: int) -> tuple[Statement, ...]:
    """Signed items for a block, at most so many of at most so many bytes: one of each signer in
    turn, signers in the order of their oldest item, each signer's by serial and arrival.

    So no signer crowds out another, however much it offers.
    """
    turns: list[tuple[int, int, Pending]] = []
    for _, ids in sorted(state.queues.items()):
        ready = [one for one in (state.items[id_] for id_ in ids) if one.signed]
        ready.sort(key=lambda one: (serial_of(one.item), one.number))
        oldest = min((one.number for one in ready), default=0)
        turns.extend((turn, oldest, one) for turn, one in enumerate(ready))
    chosen: list[Statement] = []
    for _, _, one in sorted(turns, key=lambda entry: entry[:2]):
        if len(chosen) < items_max and one.size_bytes <= bytes_max:
            bytes_max -= one.size_bytes
            chosen.append(one.item)
    return tuple(chosen)


def _in_order(state: State) -> list[tuple[bytes, Pending]]:
    return sorted(state.items.items(), key=_arrival)


def _arrival(entry: tuple[bytes, Pending]) -> int:
    return entry[1].number


def due_items(state: State, now_ns: int) -> tuple[bytes, ...]:
    """The next batch of what is to be offered again: what waits longest for it goes first."""
    due = [(one.due_ns, one.number, id_) for id_, one in _in_order(state) if one.due_ns <= now_ns]
    return tuple(id_ for _, _, id_ in sorted(due)[:BATCH])


# -- what happened --------------------------------------------------------------------------------


def evolve(state: State, event: Event) -> State:
    """Total: what is unknown changes nothing."""
    match event:
        case ItemPooled():
            return _pool(state, event, event.own)
        case ItemDrafted():
            return _pool(state, event, True)
        case ItemsSettled():
            return _settle(state, event.ids)
        case ItemsOffered(ids, now_ns):
            return _offer_again(state, ids, now_ns)
        case Configured(limits):
            return replace(state, limits=limits, configured=True)
        case LinkReady(_, link):
            return replace(state, link=link)
        case LinkSpent(position):
            return replace(state, position=position + 1, link=b"")
        case AnchorWanted(position):
            return replace(state, anchor=position)
        case AnchorReady():
            return replace(state, anchor=0)
        case Resumed(now_ns):
            return _resume(state, now_ns)
        case OfferRefused():
            return state
        case _:
            assert_never(event)


def _pool(state: State, event: ItemPooled | ItemDrafted, own: bool) -> State:
    item, id_, size_bytes, due_ns = event.item, event.id, event.size_bytes, event.due_ns
    before = state.items.get(id_)  # a draft that is signed now keeps its place
    if before is not None:
        state = _drop(state, [id_])
    number = state.arrivals if before is None else before.number
    signer, first_ns = signer_of(item), state.due_ns
    pending = Pending(item, signer, size_bytes, number, is_signed(item), own, 1, due_ns)
    queues, used_bytes = state.queues, state.used_bytes
    return replace(
        state,
        items=state.items.set(id_, pending),
        queues=queues.set(signer, (*queues.get(signer, ()), id_)),
        used_bytes=used_bytes.set(signer, used_bytes.get(signer, 0) + size_bytes),
        all_bytes=state.all_bytes + size_bytes,
        arrivals=state.arrivals + 1,
        due_ns=due_ns if first_ns is None or due_ns < first_ns else first_ns,
    )


def _drop(state: State, ids: list[bytes]) -> State:
    """The state without these items, which all wait here."""
    if not ids:
        return state
    items, queues, used = state.items.mutate(), state.queues.mutate(), state.used_bytes.mutate()
    all_bytes = state.all_bytes
    for id_ in ids:
        pending = items.pop(id_)
        signer, all_bytes = pending.signer, all_bytes - pending.size_bytes
        queue = queues[signer]
        if len(queue) > 1:
            queues[signer] = tuple([other for other in queue if other != id_])
            used[signer] -= pending.size_bytes
        else:
            del queues[signer], used[signer]
    left = items.finish()
    return replace(
        state,
        items=left,
        queues=queues.finish(),
        used_bytes=used.finish(),
        all_bytes=all_bytes,
        due_ns=state.due_ns if left else None,
    )


def _settle(state: State, ids: tuple[bytes, ...]) -> State:
    state = _drop(state, [id_ for id_ in ids if id_ in state.items])
    settled = state.settled.update(dict.fromkeys(ids, True))
    if len(settled) < SETTLED_KEPT:
        return replace(state, settled=settled)
    return replace(state, settled=Map(), settled_before=settled)


def _offer_again(state: State, ids: tuple[bytes, ...], now_ns: int) -> State:
    items = state.items.mutate()
    for id_, one in _in_order(state):
        if id_ in ids:
            due_ns = now_ns + again_ns(one.own, one.offers)
            items[id_] = replace(one, offers=one.offers + 1, due_ns=due_ns)
        elif one.due_ns <= now_ns:
            items[id_] = replace(one, due_ns=now_ns + BATCH_AGAIN_NS)
    return _with_due(replace(state, items=items.finish()))


def _resume(state: State, now_ns: int) -> State:
    # What we told the others before the restart may be lost: each item of our own is due at once.
    items = state.items.mutate()
    for id_, one in _in_order(state):
        if one.own:
            items[id_] = replace(one, offers=0, due_ns=now_ns)
    return _with_due(replace(state, items=items.finish()))


def _with_due(state: State) -> State:
    due_ns = min((one.due_ns for _, one in _in_order(state)), default=None)
    return replace(state, due_ns=due_ns)


def again_ns(own: bool, offers: int) -> int:
    """How long an item that went out so often waits until it goes out again: doubled each time."""
    first_ns, last_ns = (
        (OWN_AGAIN_NS, OWN_AGAIN_NS_MAX) if own else (OTHERS_AGAIN_NS, OTHERS_AGAIN_NS_MAX)
    )
    return min(first_ns << min(offers, 16), last_ns)

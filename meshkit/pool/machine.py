"""The pool as a machine: what it takes in, what it says again, and which link it asks for."""

from collections.abc import Sequence
from typing import assert_never, cast

from meshkit.core.machine import Broadcast, Heard, Moment, Restarted, Wake
from meshkit.core.value import Statement, Value, canonical
from meshkit.pool.messages import (
    Advance,
    AnchorReady,
    AnchorWanted,
    Command,
    Configure,
    Configured,
    DrawLink,
    Effect,
    Event,
    ItemDrafted,
    ItemPooled,
    ItemsOffered,
    ItemsSettled,
    LinkDrawn,
    LinkReady,
    LinkSpent,
    Offer,
    OfferAll,
    Offered,
    OfferRefused,
    Resumed,
    Settle,
    WantAnchor,
)
from meshkit.pool.state import (
    OTHERS_AGAIN_NS,
    OWN_AGAIN_NS,
    Pending,
    State,
    due_items,
    evolve,
    id_of,
    is_settled,
    is_signed,
    item_id,
    knows,
    signer_of,
    size_bytes_of,
)


class Pool:
    """A machine over `State`, of the node `me`; `kinds` are the statements that are items.

    Of the `vital` ones our own are taken whatever of ours is waiting: each is made once, and
    without it something comes to a halt.
    """

    SILENT = frozenset({ItemsSettled, LinkReady, AnchorReady, OfferRefused})

    def __init__(
        self,
        me: bytes,
        kinds: tuple[type[Statement], ...],
        vital: tuple[type[Statement], ...] = (),
    ) -> None:
        self._me, self._kinds, self._vital = me, frozenset(kinds), vital

    def initial(self) -> State:
        return State()

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        now_ns = moment.now_ns
        match command:
            case Heard():
                return self._decide_heard(state, command.sender, command.message, now_ns)
            case Offer():
                return self._decide_offer(state, command.item, now_ns)
            case OfferAll():
                return self._decide_offers(state, command.items, now_ns)
            case Settle():
                ids = dict.fromkeys([id_of(state, item) for item in command.items])  # in order
                fresh = tuple([id_ for id_ in ids if not is_settled(state, id_)])
                return (ItemsSettled(fresh),) if fresh else ()
            case Configure(limits):
                same = state.configured and limits == state.limits
                return () if same else (Configured(limits),)
            case Advance() | WantAnchor() | LinkDrawn():
                return _decide_link(state, command)
            case Wake():
                due = state.due_ns is not None and state.due_ns <= now_ns
                return (ItemsOffered(due_items(state, now_ns), now_ns),) if due else ()
            case Restarted():
                return (Resumed(now_ns),) if _owes(state) else ()
            case _:
                assert_never(command)

    def evolve(self, state: State, event: Event) -> State:
        return evolve(state, event)

    def react(self, state: State, event: Event) -> Sequence[Effect]:
        match event:
            case ItemPooled():
                return (_spoken(event.item),) if event.announce else ()
            case ItemDrafted():
                return (_spoken(event.item),)
            case ItemsOffered(ids):
                # Items that wait may wait for our link, if the last asking for it was lost.
                again = _draws(state) if state.configured else ()
                return [*(_spoken(state.items[id_].item) for id_ in ids), *again]
            case Configured() | LinkSpent() | Resumed():
                return _draws(state)
            case AnchorWanted(position):
                return (DrawLink(position),)
            case ItemsSettled() | LinkReady() | AnchorReady() | OfferRefused():
                return ()
            case _:
                assert_never(event)

    def deadline(self, state: State) -> int | None:
        return state.due_ns

    def refusal(self, state: State, item: Statement) -> str:
        """Why our own side's offer of this item would not be taken ("slug: words"), or ""."""
        if type(item) not in self._kinds:
            return f"unknown-kind: {type(item).__name__} is no item of a block"
        signer = signer_of(item)
        if not is_signed(item) and signer != self._me:
            return "unsigned: whoever asks for it signs it"
        if signer == self._me and isinstance(item, self._vital):
            return ""
        return _over_quota(state, signer, size_bytes_of(item))

    def _decide_offer(self, state: State, item: Statement, now_ns: int) -> Sequence[Event]:
        id_ = item_id(item)
        if knows(state, id_) and not _signs(state.items.get(id_), item):
            return ()
        if id_ not in state.items and (refusal := self.refusal(state, item)):
            return (OfferRefused(id_, refusal),)
        size_bytes, due_ns = size_bytes_of(item), now_ns + OWN_AGAIN_NS
        if is_signed(item):
            return (ItemPooled(item, id_, True, size_bytes, due_ns, True),)
        return (ItemDrafted(item, id_, size_bytes, due_ns),)

    def _decide_offers(
        self, state: State, items: Sequence[Statement], now_ns: int
    ) -> Sequence[Event]:
        events: list[Event] = []
        for item in items:
            for event in self._decide_offer(state, item, now_ns):
                state = evolve(state, event)
                events.append(event)
        return events

    def _decide_heard(
        self, state: State, sender: bytes, message: Value, now_ns: int
    ) -> Sequence[Event]:
        item = message.item if type(message) is Offered else cast(Statement, message)
        if type(item) not in self._kinds or not is_signed(item):
            return ()
        signer = signer_of(item)
        if item is message and signer != sender:
            return ()  # bare it is its signer's own first word; ours, if we have just signed it
        id_ = item_id(item)
        draft = state.items.get(id_)
        if draft is not None and _signs(draft, item):
            # The others heard it as it was signed, so it need not be offered at once.
            size_bytes = len(canonical(item))
            return (ItemPooled(item, id_, True, size_bytes, draft.due_ns, False),)
        if draft is not None or is_settled(state, id_):
            return ()
        own, size_bytes = sender == self._me, len(canonical(item))
        full = not own and _is_full(state, size_bytes)
        if full or _over_quota(state, signer, size_bytes):
            return ()
        due_ns = now_ns + (OWN_AGAIN_NS if own else OTHERS_AGAIN_NS)
        return (ItemPooled(item, id_, own, size_bytes, due_ns, False),)


def _decide_link(state: State, command: Advance | WantAnchor | LinkDrawn) -> Sequence[Event]:
    match command:
        case Advance(position):
            return (LinkSpent(position - 1),) if position > state.position else ()
        case WantAnchor(position):
            return (AnchorWanted(position),) if position not in (0, state.anchor) else ()
        case LinkDrawn(position, link):
            if position == state.position:
                return (LinkReady(position, link),) if link and not state.link else ()
            awaited = link and 0 < position == state.anchor
            return (AnchorReady(position, link),) if awaited else ()
        case _:
            assert_never(command)


def _signs(before: Pending | None, item: Statement) -> bool:
    """Is `item` the signed form of a draft?"""
    return before is not None and not before.signed and is_signed(item)


def _over_quota(state: State, signer: bytes, size_bytes: int) -> str:
    """Why one signer may not have so much more waiting, or ""."""
    limits = state.limits
    if len(state.queues.get(signer, ())) >= limits.signer_items_max:
        return f"full: {limits.signer_items_max} items of this signer are waiting"
    if state.used_bytes.get(signer, 0) + size_bytes > limits.signer_bytes_max:
        return f"full: {limits.signer_bytes_max} bytes are all that one signer may have waiting"
    return ""


def _is_full(state: State, size_bytes: int) -> bool:
    # Our own side's items are taken beyond this: others must not be able to shut our own door.
    limits = state.limits
    return len(state.items) >= limits.items_max or state.all_bytes + size_bytes > limits.bytes_max


def _spoken(item: Statement) -> Broadcast:
    # A draft goes out bare, for the shell signs it on its way and lets us hear it signed.
    return Broadcast(Offered(item) if is_signed(item) else item)


def _draws(state: State) -> Sequence[DrawLink]:
    wanted = () if state.link else (DrawLink(state.position),)
    return (*wanted, DrawLink(state.anchor)) if state.anchor else wanted


def _owes(state: State) -> bool:
    return bool(_draws(state)) or any(one.own for _, one in sorted(state.items.items()))

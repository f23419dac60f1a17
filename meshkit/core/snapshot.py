"""A node's whole state as bytes, and back: where a restart begins instead of at the first entry."""

from typing import Any

import msgspec

from meshkit.core.composite import Composite, State
from meshkit.core.value import canonical, revive


def freeze(state: State) -> bytes:
    """The canonical form of a composite's state; its BLAKE3 is the state's digest."""
    return canonical(dict(state))


def thaw(node: Composite, data: bytes) -> dict[str, Any]:
    """The state that `freeze` made `data` of; raises ValueError if it is none of this node."""
    try:
        # scan: unbounded-decode: our own state, whose digest stands in the chain
        raw = msgspec.msgpack.decode(data)
        initial = node.initial()
        if sorted(raw) != sorted(initial):
            raise ValueError("a snapshot of other machines than this node has")
        return {name: revive(type(initial[name]), raw[name]) for name in initial}
    except (msgspec.MsgspecError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(f"no snapshot of this node: {error}") from error

"""Where in which journal something stands."""

from typing import NamedTuple


class Place(NamedTuple):
    """An entry, and its moment by its own node's clock."""

    node: bytes
    entry: int
    now_ns: int

"""What was read or written lately: the same statement is converted once and not ten times over.

What a node hears and what it journals is mostly the same few things again and again: an update
stands in every validator's list, the lists in the result, the result in the block, the block in the
certificate's message and in several events, each in the bytes of its own. Values never change, so
all of them may be one value; and what is one value compares equal at once.

The bytes are those of the message as it came, so nothing is taken for equal that is not. With each
value stands how many bodies could be opened where it was read: where as many may be, or more, it is
read no more.
"""

from typing import TypeAlias

from meshkit.core.value import Value

KEPT_BYTES_MAX = 8 * 2**20  # of keys; with their values four times that (measured), then anew
WRITTEN_BYTES_MAX = 2 * 2**20  # of a few rounds of a hundred updates; likewise

# Bytes to the depth that was enough, and the value.
Shelf: TypeAlias = dict[bytes, tuple[int, Value]]


class Kept:
    """Shelves, one for each kind of message, that are all emptied when they hold too much.

    What is still in use is back at once, so nothing is gained by choosing.
    """

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._shelves: list[Shelf] = []
        self.size_bytes = 0

    def shelf(self) -> Shelf:
        """A new shelf. Look a value up in it directly; put it there with `put`."""
        self._shelves.append({})
        return self._shelves[-1]

    def put(self, shelf: Shelf, data: bytes, depth: int, value: Value) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._bytes_max:
            for each in self._shelves:
                each.clear()
            self.size_bytes = len(data)
        shelf[data] = (depth, value)


class Written:
    """What was written lately, by the value itself: not by what it equals, which takes long to see.

    Each value is held as long as its bytes, so no other can have its place in memory.
    """

    def __init__(self, bytes_max: int = WRITTEN_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._found: dict[int, tuple[Value, bytes]] = {}
        self.size_bytes = 0

    def get(self, value: Value) -> bytes | None:
        found = self._found.get(id(value))
        return None if found is None else found[1]

    def put(self, value: Value, data: bytes) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._bytes_max:
            self._found.clear()
            self.size_bytes = len(data)
        self._found[id(value)] = (value, data)

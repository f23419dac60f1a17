"""Decided blocks, found by height: an index beside the journal, and the journal itself."""

from collections.abc import Iterator

from meshkit.codec import Address, decode_entry
from meshkit.consensus.messages import Committed, Decided
from meshkit.journal import EntrySource
from meshkit.journal.chain import BLOCKS


class BlockStore:
    """Every block this node saw decided, with its proof. Nothing is kept twice: see `EntryLog`."""

    def __init__(self, journal: EntrySource, address: Address) -> None:
        self._journal = journal
        self._address = address

    def at(self, height: int) -> Committed | None:
        """The block of a height, or None if it is not decided here."""
        mark = self._journal.mark(BLOCKS, height)
        if mark is None:
            return None
        index = int.from_bytes(mark, "big")
        for record in self._journal.read(index, index):
            entry = decode_entry(record.body, self._address, index)
            for event in entry.events:
                match event.body:
                    case Decided(certificate, value) if certificate.height == height:
                        return Committed(certificate, value)
                    case _:
                        pass
        return None

    def since(self, height: int, count_max: int) -> Iterator[Committed]:
        """Blocks from `height` on, in order, at most `count_max`."""
        for number in range(height, height + count_max):
            block = self.at(number)
            if block is None:
                return
            yield block

"""That the stores fit their ports is for the type checkers to say: these lines are for them."""

from meshkit.journal.blobs import BlobStore
from meshkit.journal.log import Journal
from meshkit.journal.memory import MemoryBlobs, MemoryJournal
from meshkit.journal.ports import BlobPort, EntrySource, JournalPort
from meshkit.journal.reading import JournalReader


def journals(disk: Journal, memory: MemoryJournal) -> list[JournalPort]:
    return [disk, memory]


def sources(reader: JournalReader, port: JournalPort) -> list[EntrySource]:
    return [reader, port]


def blobs(disk: BlobStore, memory: MemoryBlobs) -> list[BlobPort]:
    return [disk, memory]


def test_each_port_lists_what_both_sides_have() -> None:
    for port, kinds in (
        (JournalPort, (Journal, MemoryJournal)),
        (EntrySource, (JournalReader,)),
        (BlobPort, (BlobStore, MemoryBlobs)),
    ):
        names = [n for n in vars(port) if not n.startswith("_") or n == "__iter__"]
        assert names
        for kind in kinds:
            assert all(hasattr(kind, name) for name in names)

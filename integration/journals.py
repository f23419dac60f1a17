"""What nodes wrote, read once they have stopped, and what must be true of it.

This is no audit: `meshkit audit verify` has one of its own, and these tests ask it, too. Here the
few things that matter most are looked at again by other means, so that one mistake cannot hide in
both: that no height was decided twice, and that every model follows from its updates.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from blake3 import blake3

from meshkit.audit.exhibits import JOURNAL_NAME
from meshkit.audit.folding import opened
from meshkit.consensus.messages import Decided
from meshkit.core.machine import Entry
from meshkit.core.value import Statement, digest, signing_digest
from meshkit.journal import BlobStore
from meshkit.ledger.messages import Accusation, Block, RoundCommitted, Task, TaskOpened
from meshkit.wire.keys import verify

HEADER_BYTES = 16  # of a model's and of an update's blob


class Written(NamedTuple):
    """The decisions in one journal."""

    mesh: bytes
    decided: dict[int, bytes]  # the id of the block of each height
    blocks: dict[int, Block]
    tasks: dict[bytes, Task]
    rounds: dict[bytes, list[RoundCommitted]]  # of each task, in order


def entries(home: Path) -> Iterator[tuple[int, Entry]]:
    with opened(home / JOURNAL_NAME) as journal:
        yield from journal.entries()


def events(home: Path) -> Iterator[Any]:
    for _, entry in entries(home):
        yield from (event.body for event in entry.events)


def written(home: Path) -> Written:
    """What this node decided; no height twice, and none left out."""
    with opened(home / JOURNAL_NAME) as journal:
        found = Written(journal.identity.mesh, {}, {}, {}, {})
        for _, entry in journal.entries():
            for event in entry.events:
                _note(found, event.body)
    assert sorted(found.decided) == list(range(1, len(found.decided) + 1))
    return found


def _note(found: Written, event: Any) -> None:
    match event:
        case Decided(certificate, Block() as block):
            assert certificate.height not in found.decided, "one height is decided twice"
            assert certificate.value_id == digest(block)
            found.decided[certificate.height] = certificate.value_id
            found.blocks[certificate.height] = block
        case TaskOpened(id_, task):
            found.tasks[id_] = task
        case RoundCommitted(id_, number):
            rounds = found.rounds.setdefault(id_, [])
            assert number == len(rounds), "rounds follow one another"
            rounds.append(event)
        case _:
            pass


def agree(homes: Sequence[Path]) -> list[Written]:
    """That these nodes never decided one height differently; what each of them wrote."""
    found = [written(home) for home in homes]
    longest = max(found, key=lambda one: len(one.decided))
    for one in found:
        assert one.decided.items() <= longest.decided.items()
        assert all(longest.rounds[id_][: len(said)] == said for id_, said in one.rounds.items())
    return found


# -- aggregates, by the book -----------------------------------------------------------------------


def recompute(homes: Sequence[Path]) -> int:
    """That each committed round's model follows from its base and its updates; how many rounds.

    Fractions of Python's integers, so nothing here rounds as the nodes' own arithmetic does.
    """
    found = written(homes[0])
    blobs = Blobs(homes)
    checked = 0
    for id_, rounds in found.rounds.items():
        task, base = found.tasks[id_], found.tasks[id_].initial
        for one in rounds:
            parts = [(blobs[credit.update], credit.samples) for credit in one.credits]
            assert one.model == (model_of(task, blobs[base], parts) if parts else base)
            base, checked = one.model, checked + 1
    return checked


def model_of(task: Task, base: bytes, parts: Sequence[tuple[bytes, int]]) -> bytes:
    """The digest of the model that FedAvg makes of these updates' blobs."""
    width = 1 if task.bits <= 8 else 2 if task.bits <= 16 else 4
    steps = [np.frombuffer(blob, f"<i{width}", offset=HEADER_BYTES).tolist() for blob, _ in parts]
    weight = sum(samples for _, samples in parts)
    moves = [
        round(Fraction(sum(x * samples for x, (_, samples) in zip(xs, parts, strict=True)), weight))
        for xs in zip(*steps, strict=True)
    ]
    before = np.frombuffer(base, "<f4", offset=HEADER_BYTES).astype(np.float64)
    after = (before + np.array(moves, np.float64) / 2**task.scale_bits).astype("<f4")
    return blake3(base[:HEADER_BYTES] + after.tobytes()).digest()


class Blobs:
    """A blob by its digest, from whichever home has it."""

    def __init__(self, homes: Sequence[Path]) -> None:
        self.homes = homes

    def __getitem__(self, name: bytes) -> bytes:
        for home in self.homes:
            with BlobStore.open(home / "blobs", read_only=True) as store:
                found = store.get(name)
            if found is not None:
                assert blake3(found).digest() == name
                return found
        raise AssertionError(f"nobody has the blob {name.hex()}")


# -- evidence --------------------------------------------------------------------------------------


def accused(found: Written) -> dict[bytes, set[str]]:
    """Whom the ledger holds to account, and for two of which kind; all pairs are truly signed."""
    said: dict[bytes, set[str]] = {}
    for block in found.blocks.values():
        for item in block.items:
            if isinstance(item, Accusation):
                for one in (item.first, item.second):
                    assert is_signed(item.culprit, one, found.mesh)
                said.setdefault(item.culprit, set()).add(type(item.first).__name__)
    return said


def is_signed(signer: bytes, statement: Statement, mesh: bytes) -> bool:
    assert getattr(statement, statement.SIGNER) == signer
    signature: bytes = getattr(statement, "signature", b"")
    return verify(signer, signing_digest(statement, mesh), signature)

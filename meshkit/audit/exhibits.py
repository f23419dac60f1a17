"""What is laid before an auditor: homes of nodes, as they are or as copies of them.

Nothing is asked of a home but a journal that can be read: no key, no mode, no running node, and
nothing is written to it. A mesh's folder stands for all the homes in it.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from meshkit.audit.errors import AuditError, NotHere
from meshkit.core.document import from_document
from meshkit.core.value import digest
from meshkit.journal import JournalError
from meshkit.journal.audit import identity_of
from meshkit.journal.chain import KEY_BYTES, Identity
from meshkit.ledger.messages import Genesis

JOURNAL_NAME = "journal.sqlite"  # of the file in a node's home
BLOBS_NAME = "blobs"  # of the folder
HOMES_MAX = 10_000  # a guess: more than anybody lays out in one folder
CARD_BYTES_MAX = 16 * 2**20  # a genesis of ten thousand founders is 10 MB


class Exhibit:
    """One home. `name` is how it is called until its member's name is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.resolve().name
        self.journal = path / JOURNAL_NAME
        self.blobs = path / BLOBS_NAME

    def identity(self) -> Identity | None:
        """Whose journal it is; where it is too damaged to say, the cards beside it do."""
        try:
            return identity_of(self.journal) or self._carded()
        except JournalError as error:
            raise AuditError(str(error)) from None

    def _carded(self) -> Identity | None:
        try:
            # scan: unbounded-decode: _read takes CARD_BYTES_MAX at the most
            card: Any = msgspec.json.decode(_read(self.path / "card.json"))
            # scan: unbounded-decode: _read takes CARD_BYTES_MAX at the most
            genesis = msgspec.json.decode(_read(self.path / "genesis.json"))
            node = bytes.fromhex(card["id"])
            mesh = digest(from_document(Genesis, genesis))
        except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
            return None
        return Identity(mesh, node) if len(node) == KEY_BYTES else None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(CARD_BYTES_MAX)


def gather(paths: Iterable[Path]) -> list[Exhibit]:
    """The homes that `paths` name, each once, in order; raises `NotHere`."""
    homes: dict[Path, Path] = {}
    for path in paths:
        for home in _homes(path):
            homes.setdefault(home.resolve(), home)
    if not homes:
        raise NotHere("no journal was named: name a node's home, or a mesh's folder")
    if len(homes) > HOMES_MAX:
        raise AuditError(f"{len(homes)} journals are more than {HOMES_MAX}: name some of them")
    return [Exhibit(home) for home in homes.values()]


def _homes(path: Path) -> list[Path]:
    if (path / JOURNAL_NAME).exists():
        return [path]
    if path.name == JOURNAL_NAME and path.is_file():
        return [path.parent]
    try:
        inside = [each for each in path.iterdir() if (each / JOURNAL_NAME).exists()]
    except OSError as error:
        raise NotHere(f"{path}: {error.strerror}: name a node's home, or a mesh's folder") from None
    if not inside:
        raise NotHere(f"{path}: there is no journal: name a node's home, or a mesh's folder")
    return sorted(inside, key=_naturally)


def _naturally(path: Path) -> list[tuple[int, str]]:
    """node-2 comes before node-10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]

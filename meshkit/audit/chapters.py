"""What a story is made of, as values for whoever prints it."""

from collections.abc import Mapping
from typing import NamedTuple

from meshkit.audit.places import Place
from meshkit.audit.silence import Silence
from meshkit.core.history import Count
from meshkit.core.value import Statement
from meshkit.rounds.messages import Open


class Step(NamedTuple):
    """Something that happened, and every record of it; the first one is where it is told."""

    kind: str
    who: tuple[bytes, ...]
    what: str
    places: tuple[Place, ...]


class Proof(NamedTuple):
    """What convicts `culprit`: its own statements, and whether each is truly signed."""

    culprit: bytes
    crime: str
    what: str
    places: tuple[Place, ...]
    statements: tuple[Statement, ...]
    signed: bool


class Part(NamedTuple):
    """What a member did in a round, as far as the journals know."""

    who: bytes
    update: str  # "counted", "submitted", "refused" or ""
    listed: bool
    attested: bool
    votes: int  # heard
    messages: int  # of it that these journals hold as causes of entries


class Refusals(NamedTuple):
    """How many messages of `who` one node refused, from its start to the round's end."""

    who: bytes
    counts: tuple[Count, ...]
    place: Place


class Chapter(NamedTuple):
    """One round."""

    round: int
    opened_height: int
    committed_height: int  # 0: not yet, as far as the journals go
    opened: Open | None
    steps: tuple[Step, ...]
    evidence: tuple[Proof, ...]
    silences: tuple[Silence, ...]
    refusals: tuple[Refusals, ...]
    parts: tuple[Part, ...]


class Story(NamedTuple):
    """A task's rounds, and the names of all who appear."""

    task: bytes
    name: str
    chapters: tuple[Chapter, ...]
    names: Mapping[bytes, str]

"""`why`: the story of a task's rounds, across all journals at hand, causes before effects.

Each journal knows a part: who trained, whose update reached whom, who listed what, who collected,
attested, voted, and what came of it. Put together, what several record alike is told once, and
whatever convicts somebody is set apart, with the culprit's own signatures, checked. It is told as
the journals have it; whether they are true is for `verify`. The evidence stands for itself:
signatures prove it whoever's journal it comes from. Beside it, and no evidence, stand who was
silent, and of whom so much was refused that it may have been a flood.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from meshkit.audit.chapters import Story
from meshkit.audit.errors import AuditError, NotHere
from meshkit.audit.exhibits import Exhibit
from meshkit.audit.teller import Teller
from meshkit.audit.words import short
from meshkit.codec import Malformed, decode_entry
from meshkit.core.machine import Entry
from meshkit.journal import Identity
from meshkit.journal import audit as journals
from meshkit.ledger.messages import TaskOpened
from meshkit.node import address


class Book(NamedTuple):
    """One journal to be read."""

    exhibit: Exhibit
    identity: Identity

    def entries(self, last: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Every entry that can be read, up to `last`: the journal of a running node goes on."""
        for record in journals.entries(self.exhibit.journal, self.identity):
            if last is not None and record.index > last:
                return
            try:
                yield record.index, decode_entry(record.body, address, record.index)
            except Malformed:
                continue


class Survey(NamedTuple):
    """Every task that a journal knows of, by id, with its name; and where each journal ends."""

    tasks: Mapping[bytes, str]
    ends: tuple[int, ...]


class Asked(NamedTuple):
    """A task that is known, and the round that was asked for, if one was."""

    task: bytes
    name: str
    round: int | None


def tell(exhibits: Sequence[Exhibit], asked: str, round_: int | None = None) -> Story:
    """The story of the task that `asked` names, or of one round of it.

    `asked` is the task's name or the beginning of its id, either with "/" and a round behind it,
    or the round alone where there is but one task. Raises NotHere where there is no such thing.
    """
    books = [
        Book(exhibit, identity)
        for exhibit in exhibits
        if (identity := exhibit.identity()) is not None
    ]
    meshes = {book.identity.mesh for book in books}
    if len(meshes) != 1:
        raise AuditError("these journals are not of one mesh: name those of one")
    survey = surveyed(books)
    found = find(survey.tasks, asked, round_)
    teller = Teller(found.task, meshes.pop())
    told: set[bytes] = set()
    for book, last in zip(books, survey.ends, strict=True):
        node = book.identity.node_key
        if node not in told:  # a second journal of the same node would be told as its future
            told.add(node)
            for index, entry in book.entries(last):
                teller.take(node, index, entry)
    chapters = tuple(teller.chapters(found.round))
    if not chapters:
        raise NotHere(f"round {found.round} of {found.name} is in none of these journals")
    return Story(found.task, found.name, chapters, teller.names)


def surveyed(books: Sequence[Book]) -> Survey:
    """What the journals hold for now; some may be of running nodes, and go on."""
    tasks: dict[bytes, str] = {}
    ends: list[int] = []
    for book in books:
        last = 0
        for index, entry in book.entries():
            last = index
            for event in entry.events:
                if isinstance(event.body, TaskOpened):
                    tasks[event.body.id] = event.body.task.name
        ends.append(last)
    return Survey(tasks, tuple(ends))


def find(tasks: Mapping[bytes, str], asked: str, round_: int | None) -> Asked:
    """Which task was meant, and which round of it."""
    text, slash, number = asked.partition("/")
    if slash and not number.isdecimal():
        raise NotHere(f"{asked}: behind the slash stands the number of a round")
    fits = [
        id_ for id_, name in tasks.items() if text and (name == text or id_.hex().startswith(text))
    ]
    if not fits and asked.isdecimal() and len(tasks) == 1:
        fits, slash, number = list(tasks), "/", asked
    if not fits:
        known = ", ".join(f"{name} ({short(id_)})" for id_, name in tasks.items())
        raise NotHere(f"no task is called {text}: these journals know {known or 'none at all'}")
    if len(fits) > 1:
        raise NotHere(f"{text} could be any of {', '.join(map(short, fits))}: name one by its id")
    return Asked(fits[0], tasks[fits[0]], int(number) if slash else round_)

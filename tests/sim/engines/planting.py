"""How bugs are planted in engines, and how the campaign is asked to find them.

A bug is a small wrong rule put in the place of a right one, in the pure rooms alone: whoever looks
for it, the examiner and what engines promise, counts by itself and knows nothing of it. It is
killed by the first seed that ends in a broken promise, an exception, or a mesh that is stuck.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.core.shell import FREE
from meshkit.core.value import digest
from meshkit.sim.engines import campaign, play, service

Patch: TypeAlias = pytest.MonkeyPatch
Plant: TypeAlias = Callable[[Patch], None]

SEEDS_MAX = 64  # within which each bug is killed, from its first seed on
PURE = "meshkit.consensus"


class Bug(NamedTuple):
    """A planted bug: the row of the checklist that it inverts, how, and where it is looked for."""

    row: str
    plant: Plant  # whose docstring says in a line what it inverts
    scenario: str  # engine and scenario, as `meshkit sim run` knows it
    first: int = 0  # the seed that the short gate begins with

    @property
    def name(self) -> str:
        engine, _, _ = self.scenario.partition("/")
        return f"{engine}: {self.plant.__name__}"

    @property
    def says(self) -> str:
        return self.plant.__doc__ or ""


class Killed(NamedTuple):
    """How many seeds it took, and what the last one came to; no words if it survived them all."""

    seeds: int
    failure: str


def hunt(bug: Bug, first: int, seeds: int = SEEDS_MAX) -> Killed:
    """Plant it, and play seed after seed until one fails."""
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        for count in range(seeds):
            failure = play(bug.scenario, first + count, False).failure
            if failure:
                return Killed(count + 1, failure)
    return Killed(seeds, "")


# -- what plants are made of -----------------------------------------------------------------------


def saying(answer: object) -> Callable[..., Any]:
    """Whoever says just this, whatever it is asked."""

    def say(*_: object) -> object:
        return answer

    return say


def everywhere(patch: Patch, original: object, other: object) -> None:
    """Whoever in the pure rooms knows one, by a name or in a table, knows the other instead."""
    known = 0
    for name in sorted(sys.modules):
        for key, held in list(vars(sys.modules[name]).items()) if name.startswith(PURE) else ():
            if held is original:
                patch.setattr(sys.modules[name], key, other)
                known += 1
            elif isinstance(held, dict) and not key.startswith("__"):
                known += _in_table(patch, held, original, other)
    assert known, f"nobody knows {original!r}"


def _in_table(patch: Patch, table: dict[Any, Any], original: object, other: object) -> int:
    rows = [row for row, held in list(table.items()) if held is original]
    for row in rows:
        patch.setitem(table, row, other)
    return len(rows)


def statements_are_free(patch: Patch, engine: str) -> None:
    """What an engine says does not wait for the disk; what clients are told still does."""
    kit = campaign.KITS[engine]
    patch.setitem(campaign.KITS, engine, kit._replace(urgency=saying(FREE)))


def calls_done_by_one(patch: Patch) -> None:
    """what was done for whom is known only to the replica that was asked, and not replicated"""
    take = service._take

    def own(desk: service.Desk, sender: bytes, call: service.Call) -> Any:
        last = service.Session(desk.asked.get(call.client, 0), 0)
        known = call.client in desk.books.sessions
        books = replace(desk.books, sessions=Map({call.client: last} if known else {}))
        return take(replace(desk, books=books), sender, call)

    def settle(books: service.Books, batch: service.CallBatch) -> service.Books:
        for call in batch.calls:
            books, result = service.perform(books, call)
            done = service.Session(call.sequence, result)
            books = replace(books, sessions=books.sessions.set(call.client, done))
        return replace(books, height=batch.height, previous=digest(batch))

    patch.setattr(service, "_take", own)
    patch.setattr(service, "settle", settle)

"""Who was not heard in a round: no update, no list, no vote, no proposal, no result in its turn.

Silence proves nothing: a message may be lost, late, or kept back by whoever's journal this is. So
it is told beside the evidence and never as evidence, with what was due when and with the entries at
which the journals went on without it. Of a member only others' journals are asked, where there are
any. A journal that does not come to the end of a round says nothing of who was silent in it: its
node may have stopped, or be running and have been read before the others.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from meshkit.audit.places import Place
from meshkit.audit.words import count, ref
from meshkit.rounds.messages import Open, Spec

MS_PER_S = 1_000


class Silence(NamedTuple):
    """What of `who` reached none of the journals, and where they went on without it."""

    who: bytes
    kind: str
    what: str
    places: tuple[Place, ...]


class Heard(NamedTuple):
    """Who was heard of in a round, by kind; each with the nodes that heard it."""

    kind: str
    who: bytes
    by: bytes


class Turns(NamedTuple):
    """How a height went: in which turns nothing was proposed, whose they were, and where each turn
    was given up."""

    height: int
    silent: Mapping[int, bytes]
    passed: Mapping[int, tuple[Place, ...]]


class Ends(NamedTuple):
    """Where the journals went on: their nodes signed lists, a result was made, the round ended."""

    listed: tuple[Place, ...]
    collected: tuple[Place, ...]
    ended: tuple[Place, ...]


def silences(
    opened: Open,
    heard: Iterable[Heard],
    turns: Iterable[Turns],
    collector: bytes,
    ends: Ends,
) -> Iterator[Silence]:
    """Everybody who should have been heard in the round and was not."""
    known = _known(heard, frozenset(place.node for place in ends.ended))
    for who in opened.trainers:
        if who not in known.get("update", ()):
            what = f"no update of it reached these journals: it was due {_due(opened.spec)}"
            yield Silence(who, "no-update", what, ends.listed or ends.ended)
    for holder in opened.validators:
        if holder.id not in known.get("list", ()):
            what = "no list of what it holds was heard by the end of the round"
            yield Silence(holder.id, "no-list", what, ends.ended)
        voters = known.get("vote")  # where nobody at all votes, the engine has leaders instead
        if voters and holder.id not in voters:
            what = "no vote on the round was heard by its end"
            yield Silence(holder.id, "no-vote", what, ends.ended)
    yield from _late_collectors(opened, collector, ends)
    for turn in turns:
        yield from _silent_turns(turn, ends.ended)


def _due(spec: Spec) -> str:
    """When validators stop waiting for updates."""
    due = f"{spec.deadline_ms / MS_PER_S:g} s after the round opened"
    if spec.quorum:
        due += f", or {spec.patience_ms / MS_PER_S:g} s after {count(spec.quorum, 'update')}"
    return due


def _known(heard: Iterable[Heard], here: frozenset[bytes]) -> Mapping[str, frozenset[bytes]]:
    """By kind, whom others heard of. Where a node's journal is the only one, it is believed."""
    found: dict[str, set[bytes]] = {}
    for kind, who, by in heard:
        if by != who or here <= {who}:
            found.setdefault(kind, set()).add(who)
    return {kind: frozenset(whom) for kind, whom in found.items()}


def _late_collectors(opened: Open, collector: bytes, ends: Ends) -> Iterator[Silence]:
    if collector not in opened.ranking:
        return
    standby_s = opened.standby_ms / MS_PER_S
    for who in opened.ranking[: opened.ranking.index(collector)]:
        what = f"did not collect in its turn ({standby_s:g} s each), so {ref(collector)} did"
        yield Silence(who, "no-result", what, ends.collected or ends.ended)


def _silent_turns(turn: Turns, ended: tuple[Place, ...]) -> Iterator[Silence]:
    for number, who in sorted(turn.silent.items()):
        what = f"its turn to propose passed: height {turn.height}, round {number}"
        yield Silence(who, "no-proposal", what, turn.passed.get(number, ended))

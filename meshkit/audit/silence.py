"""Who was not heard in a round: no update, no list, no vote, no proposal, no result in its turn.

Silence proves nothing: a message may be lost, late, or kept back by whoever's journal this is. So
it is told beside the evidence and never as evidence, with the deadline that was missed. Of a member
only others' journals are asked, where there are any.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from meshkit.audit.words import ref
from meshkit.consensus.messages import Validator
from meshkit.consensus.rotation import proposer
from meshkit.rounds.messages import Open

MS_PER_S = 1_000


class Silence(NamedTuple):
    """What of `who` reached none of the journals."""

    who: bytes
    kind: str
    what: str


class Heard(NamedTuple):
    """Who was heard of in a round, by kind; each with the nodes that heard it."""

    kind: str
    who: bytes
    by: bytes


class Turns(NamedTuple):
    """How a height went: who decides it, how many rounds it took, in which something was said."""

    height: int
    voters: tuple[Validator, ...]
    rounds: int
    proposed: frozenset[int]


def silences(
    opened: Open,
    heard: Iterable[Heard],
    turns: Iterable[Turns],
    collector: bytes,
    journals: Iterable[bytes],
) -> Iterator[Silence]:
    """Everybody who should have been heard in the round and was not."""
    here = frozenset(journals)
    known = _known(heard, here)
    deadline_s = opened.spec.deadline_ms / MS_PER_S
    for who in opened.trainers:
        if who not in known.get("update", ()):
            what = f"no update reached any of these journals (the deadline was {deadline_s:g} s)"
            yield Silence(who, "no-update", what)
    for holder in opened.validators:
        if holder.id not in known.get("list", ()):
            yield Silence(holder.id, "no-list", "no list of what it holds was heard")
        if holder.id not in known.get("vote", ()):
            yield Silence(holder.id, "no-vote", "no vote on the round was heard")
    yield from _late_collectors(opened, collector)
    for turn in turns:
        yield from _silent_turns(turn)


def _known(heard: Iterable[Heard], here: frozenset[bytes]) -> Mapping[str, frozenset[bytes]]:
    """By kind, whom others heard of. Where a node's journal is the only one, it is believed."""
    found: dict[str, set[bytes]] = {}
    for kind, who, by in heard:
        if by != who or here <= {who}:
            found.setdefault(kind, set()).add(who)
    return {kind: frozenset(whom) for kind, whom in found.items()}


def _late_collectors(opened: Open, collector: bytes) -> Iterator[Silence]:
    if collector not in opened.ranking:
        return
    standby_s = opened.standby_ms / MS_PER_S
    for who in opened.ranking[: opened.ranking.index(collector)]:
        what = f"did not collect in its turn ({standby_s:g} s each), so {ref(collector)} did"
        yield Silence(who, "no-result", what)


def _silent_turns(turn: Turns) -> Iterator[Silence]:
    for number in range(turn.rounds):
        if number not in turn.proposed:
            what = f"its turn to propose passed: height {turn.height}, round {number}"
            yield Silence(proposer(turn.voters, turn.height, number), "no-proposal", what)

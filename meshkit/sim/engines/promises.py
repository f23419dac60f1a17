"""What an engine promises beyond one history: its paper's own invariants, checked by other code.

That two nodes decide two values is the last thing that goes wrong. Long before that somebody leads
without all that is committed, or commits what it cannot have seen prepared, or does not do what it
has seen enough to do; and a run in which it comes to no more than that is a failure, too. Each
engine's paper says what holds at every moment. Here it is asked of every honest replica, from its
events and from its state between two entries, where it has obeyed every rule. Nothing of an
engine's rules or sums is used for that, only its words and the names of what it knows.

`tendermint_promises`, `pbft_promises` and `raft_promises` are those of each engine.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from meshkit.consensus.messages import Certificate, Validator
from meshkit.core.machine import Entry
from meshkit.core.value import Statement
from meshkit.sim.check import Broken
from meshkit.sim.process import Process

Vouches: TypeAlias = Callable[[Certificate, Statement], bytes | None]


class Promises(Protocol):
    """What one engine promises; raises `Broken` where it does not hold."""

    def began(self, process: Process) -> None:
        """A life begins: what was not durable never was."""
        ...

    def look(self, process: Process, entry: Entry) -> None:
        """An entry is durable."""
        ...

    def rest(self, process: Process, state: Any) -> None:
        """The engine's state between two entries."""
        ...


def require(holds: object, process: Process, what: str) -> None:
    """That it holds."""
    if not holds:
        when_ms = process.mesh.agenda.now_ns // 1_000_000
        raise Broken(f"{process.person.name} at {when_ms} ms: {what}")


def weighed(validators: Iterable[Validator]) -> dict[bytes, int]:
    """The weights by id, from the validators themselves."""
    return {validator.id: validator.weight for validator in validators}


def is_quorum(voters: Iterable[bytes], weights: Mapping[bytes, int]) -> bool:
    """Whether these, each counted once, weigh more than two thirds."""
    part = sum(weights.get(voter, 0) for voter in set(voters))
    return 3 * part > 2 * sum(weights.values())


def is_third(voters: Iterable[bytes], weights: Mapping[bytes, int]) -> bool:
    """Whether somebody honest must be among these: they weigh more than a third."""
    part = sum(weights.get(voter, 0) for voter in set(voters))
    return 3 * part > sum(weights.values())


def is_proved(proof: Certificate, weights: Mapping[bytes, int], vouches: Vouches) -> bool:
    """Whether a quorum vouches for a decision, and nothing else is in its proof."""
    voters = [vouches(proof, vote) for vote in proof.votes]
    known = [voter for voter in voters if voter is not None and voter in weights]
    return len(known) == len(voters) == len(set(voters)) and is_quorum(known, weights)

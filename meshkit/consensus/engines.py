"""The engines there are, by the name that a genesis gives: all that a node need know of its own.

Each engine is a machine and a few questions about its state; whoever holds such a state finds the
engine by it, so nobody carries a name around.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from meshkit.consensus import tendermint
from meshkit.consensus.certificate import Vouches
from meshkit.consensus.tendermint import evidence, face, stall
from meshkit.consensus.tendermint import messages as said
from meshkit.core.machine import Machine
from meshkit.core.value import Statement, Value

# Of which fields no honest signer signs two different statements.
Places: TypeAlias = Mapping[type[Statement], tuple[str, ...]]


class Timeouts(Value):
    """How long a node waits for the others, as the policy of its mesh has it."""

    propose_ms: int
    vote_ms: int
    step_ms: int  # by which both grow a round


class Engine(NamedTuple):
    """One way to agree. `State` is its machine's, which the questions are about."""

    name: str
    attests: bool  # whether its certificates prove something to those who trust none of its voters
    machine: Callable[[bytes, bytes, Timeouts], Machine[Any, Any, Any, Any]]  # of (me, mesh)
    state: type[Value]
    begun: type[Value]  # the event of a height that begins
    messages: tuple[type[Value], ...]  # of its own: what its machine hears besides those of all
    places: Places
    vouches: Vouches
    wanted: Callable[[Any], tuple[int, int] | None]
    is_dormant: Callable[[Any], bool]
    unjudged: Callable[[Any], tuple[tuple[int, bytes, Value], ...]]
    leader: Callable[[Any], bytes]  # who proposes, or would; empty if that is not known
    is_late: Callable[[Any, bytes, Value, int], bool]
    stalled_since: Callable[[Any, int], int | None]
    heard_weight: Callable[[Any], int]


def _tendermint(me: bytes, mesh: bytes, timeouts: Timeouts) -> tendermint.Tendermint:
    waits = tendermint.Timeouts(timeouts.propose_ms, timeouts.vote_ms, timeouts.step_ms)
    return tendermint.Tendermint(me, mesh, waits)


TENDERMINT = Engine(
    name="tendermint",
    attests=True,
    machine=_tendermint,
    state=tendermint.State,
    begun=said.HeightBegun,
    messages=(said.Vote, said.Proposal, said.Known, said.WantValue),
    places={
        said.Vote: ("voter", "height", "round", "kind"),
        said.Proposal: ("proposer", "height", "round"),
    },
    vouches=evidence.vouches,
    wanted=face.wanted,
    is_dormant=face.is_dormant,
    unjudged=face.unjudged,
    leader=face.leader,
    is_late=face.is_late,
    stalled_since=stall.stalled_since,
    heard_weight=stall.heard_weight,
)

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TENDERMINT,)}

_BY_STATE: Mapping[type, Engine] = {engine.state: engine for engine in ENGINES.values()}


def engine_of(state: Value) -> Engine:
    """The engine whose state this is."""
    return _BY_STATE[type(state)]

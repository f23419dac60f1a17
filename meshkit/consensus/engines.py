"""The engines there are, by the name that a genesis gives: all that a node need know of its own.

Each engine is a machine and a few questions about its state; whoever holds such a state finds the
engine by it, so nobody carries a name around.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from meshkit.consensus import pbft, tendermint
from meshkit.consensus.account import Deed, Said
from meshkit.consensus.certificate import Vouches
from meshkit.consensus.messages import Certificate, Validator
from meshkit.consensus.pbft import account as pbft_account
from meshkit.consensus.pbft import evidence as pbft_evidence
from meshkit.consensus.pbft import face as pbft_face
from meshkit.consensus.pbft import messages as pbft_said
from meshkit.consensus.pbft import stall as pbft_stall
from meshkit.consensus.tendermint import account, evidence, face, stall
from meshkit.consensus.tendermint import messages as said
from meshkit.core.machine import Machine
from meshkit.core.value import Statement, Value

# Of which fields no honest signer signs two different statements.
Places: TypeAlias = Mapping[type[Statement], tuple[str, ...]]


# Who made two certificates of one height possible, by what anybody holds of that height's votes.
Culprits: TypeAlias = Callable[
    [Certificate, Certificate, Iterable[Statement], Sequence[Validator]], tuple[bytes, ...]
]


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
    culprits: Culprits
    said: Callable[[Statement], Said | None]
    deed: Callable[[Value], Deed | None]
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


def _tendermint_culprits(
    first: Certificate,
    second: Certificate,
    statements: Iterable[Statement],
    voters: Sequence[Validator],
) -> tuple[bytes, ...]:
    votes = [vote for vote in statements if isinstance(vote, said.Vote)]
    return tuple(fault.culprit for fault in evidence.culprits(first, second, votes, voters))


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
    culprits=_tendermint_culprits,
    said=account.said,
    deed=account.deed,
    wanted=face.wanted,
    is_dormant=face.is_dormant,
    unjudged=face.unjudged,
    leader=face.leader,
    is_late=face.is_late,
    stalled_since=stall.stalled_since,
    heard_weight=stall.heard_weight,
)


def _pbft(me: bytes, mesh: bytes, timeouts: Timeouts) -> pbft.Pbft:
    # A view is given up after all three phases of a height, as long as each of them may take.
    view_ms = timeouts.propose_ms + 2 * timeouts.vote_ms
    pace_ms = min(timeouts.propose_ms, pbft.Timeouts().pace_ms)
    return pbft.Pbft(me, mesh, pbft.Timeouts(view_ms, pace_ms))


PBFT = Engine(
    name="pbft",
    attests=True,
    machine=_pbft,
    state=pbft.State,
    begun=pbft_said.HeightBegun,
    messages=(
        pbft_said.PrePrepare,
        pbft_said.Prepare,
        pbft_said.Commit,
        pbft_said.Checkpoint,
        pbft_said.ViewChange,
        pbft_said.NewView,
        pbft_said.Shown,
        pbft_said.Offer,
        pbft_said.WantValue,
        pbft_said.WantView,
    ),
    places=pbft_evidence.PLACES,
    vouches=pbft_evidence.vouches,
    culprits=pbft_evidence.culprits,
    said=pbft_account.said,
    deed=pbft_account.deed,
    wanted=pbft_face.wanted,
    is_dormant=pbft_face.is_dormant,
    unjudged=pbft_face.unjudged,
    leader=pbft_face.leader,
    is_late=pbft_face.is_late,
    stalled_since=pbft_stall.stalled_since,
    heard_weight=pbft_stall.heard_weight,
)

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TENDERMINT, PBFT)}

_BY_STATE: Mapping[type, Engine] = {engine.state: engine for engine in ENGINES.values()}


def engine_of(state: Value) -> Engine:
    """The engine whose state this is."""
    return _BY_STATE[type(state)]


def said_by(statement: Statement) -> Said | None:
    """What a statement says, whichever engine's it is; None of one that is no engine's."""
    for engine in ENGINES.values():
        if (said := engine.said(statement)) is not None:
            return said
    return None


def deed_of(event: Value) -> Deed | None:
    """What an event tells, whichever engine's it is; None if nothing, or of no engine."""
    for engine in ENGINES.values():
        if (deed := engine.deed(event)) is not None:
            return deed
    return None

"""The engines there are, by the name that a genesis gives: all that a node need know of its own.

Each engine is a machine and a few questions about its state; whoever holds such a state finds the
engine by it, so nobody carries a name around.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from meshkit.consensus import pbft, raft, tendermint
from meshkit.consensus.account import Deed, Said
from meshkit.consensus.certificate import Vouches
from meshkit.consensus.messages import Certificate, Validator
from meshkit.consensus.pbft import account as pbft_account
from meshkit.consensus.pbft import evidence as pbft_evidence
from meshkit.consensus.pbft import face as pbft_face
from meshkit.consensus.pbft import messages as pbft_said
from meshkit.consensus.pbft import stall as pbft_stall
from meshkit.consensus.raft import beat
from meshkit.consensus.raft import face as raft_face
from meshkit.consensus.raft import messages as raft_said
from meshkit.consensus.raft import stall as raft_stall
from meshkit.consensus.raft.both import FLEETING, OVERHEARD
from meshkit.consensus.raft.events import HeightBegun as RaftHeightBegun
from meshkit.consensus.raft.pulse import admits
from meshkit.consensus.raft.state import is_fresh
from meshkit.consensus.tendermint import account, evidence, face, stall
from meshkit.consensus.tendermint import messages as said
from meshkit.consensus.volatile import Volatile
from meshkit.core.machine import Machine
from meshkit.core.value import Statement, Value

# Of which fields no honest signer signs two different statements.
Places: TypeAlias = Mapping[type[Statement], tuple[str, ...]]


# Who made two certificates of one height possible, by what anybody holds of that height's votes.
Culprits: TypeAlias = Callable[
    [Certificate, Certificate, Iterable[Statement], Sequence[Validator]], tuple[bytes, ...]
]


class Timeouts(Value):
    """How long a node waits for the others, as the policy of its mesh has it.

    Raft waits `propose_ms` for its leader at least, which beats each `vote_ms`.
    """

    propose_ms: int = 1_000
    vote_ms: int = 500
    step_ms: int = 500  # by which both grow a round


def never_leads(state: Any) -> bool:
    """Whoever proposes next may be another."""
    return False


def _nobody_else(state: Any, sender: bytes, message: Value) -> bool:
    return False


def _whoever_goes(state: Any, gone: Collection[bytes]) -> bool:
    return True


def proved(message: Value) -> tuple[()]:
    """Whatever is decided was judged by whoever voted for it, and their votes prove it."""
    return ()


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
    turn: Callable[[Any], str]  # the round, view or term that it is in, in words
    leader: Callable[[Any], bytes]  # who proposes, or would; empty if that is not known
    is_late: Callable[[Any, bytes, Value, int], bool]
    stalled_since: Callable[[Any, int], int | None]
    heard_weight: Callable[[Any], int]
    # Whether a message comes from whom its members trust to have verified what others signed in it.
    believes: Callable[[Any, bytes, Value], bool] = _nobody_else
    usual: Timeouts = Timeouts()  # of a mesh that says nothing else
    # Whether we shall propose whatever waits here, so that no other need hear of it from us.
    leads: Callable[[Any], bool] = never_leads
    # Whether these can be removed by the next block: whoever is removed is heard no more.
    may_lose: Callable[[Any, Collection[bytes]], bool] = _whoever_goes
    # Values of a message that are decided without the node's judgement or a proof.
    unproved: Callable[[Value], Sequence[Value | None]] = proved
    volatile: Volatile | None = None  # the half of it that is lost in a crash


def _tendermint(me: bytes, mesh: bytes, timeouts: Timeouts) -> tendermint.Tendermint:
    waits = tendermint.Timeouts(timeouts.propose_ms, timeouts.vote_ms, timeouts.step_ms)
    return tendermint.Tendermint(me, mesh, waits)


def _round(state: tendermint.State) -> str:
    return f"round {state.round}"


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
    turn=_round,
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


def _view(state: pbft.State) -> str:
    return f"view {state.view}"


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
    turn=_view,
    leader=pbft_face.leader,
    is_late=pbft_face.is_late,
    stalled_since=pbft_stall.stalled_since,
    heard_weight=pbft_stall.heard_weight,
)


def _timing(timeouts: Timeouts) -> raft.Timing:
    return raft.Timing(heartbeat_ms=timeouts.vote_ms, election_ms=timeouts.propose_ms)


def _raft(me: bytes, mesh: bytes, timeouts: Timeouts) -> raft.Raft:
    return raft.Raft(me, _timing(timeouts))


def _pulse(me: bytes, mesh: bytes, timeouts: Timeouts) -> raft.Pulse:
    return raft.Pulse(me, _timing(timeouts))


def _admits(pulse: raft.Pulse, state: beat.Beat, message: Value, now_ns: int) -> bool:
    return admits(state, pulse.timing, message, now_ns)


def _nobody(
    first: Certificate,
    second: Certificate,
    statements: Iterable[Statement],
    voters: Sequence[Validator],
) -> tuple[bytes, ...]:
    """Who is to blame for a contradiction: nothing under Raft says so."""
    return ()


def _nothing(value: Value) -> None:
    """What a statement or event tells of its signer's vows: under Raft there are none."""


def _leads(state: raft.State) -> bool:
    return is_fresh(state) and not state.transferee


def _term(state: raft.State) -> str:
    return f"term {state.term}"


RAFT = Engine(
    name="raft",
    attests=False,
    machine=_raft,
    state=raft.State,
    begun=RaftHeightBegun,
    messages=(
        raft_said.RequestVote,
        raft_said.VoteReply,
        raft_said.Append,
        raft_said.AppendReply,
        raft_said.InstallSnapshot,
        raft_said.TimeoutNow,
        raft_said.WantTransfer,
        raft_said.Heartbeat,
        raft_said.HeartbeatReply,
        raft_said.RequestPreVote,
        raft_said.PreVoteReply,
        raft_said.WantRead,
        raft_said.ReadFrom,
    ),
    places={},
    vouches=raft_face.vouches,
    culprits=_nobody,
    said=_nothing,
    deed=_nothing,
    wanted=raft_face.wanted,
    is_dormant=raft_face.is_dormant,
    unjudged=raft_face.unjudged,
    turn=_term,
    leader=raft_face.leader,
    is_late=raft_face.is_late,
    stalled_since=raft_stall.stalled_since,
    heard_weight=raft_stall.heard_weight,
    leads=_leads,
    believes=raft_face.believes,
    may_lose=raft_face.may_lose,
    unproved=raft_face.unproved,
    usual=Timeouts(raft.Timing().election_ms, raft.Timing().heartbeat_ms),
    volatile=Volatile(
        machine=_pulse,
        alone=FLEETING,
        both=OVERHEARD,
        admits=_admits,
        look=beat.Look,
        tell=beat.Tell,
        told=(
            raft_said.Campaign,
            raft_said.Follow,
            raft_said.StepDown,
            raft_said.Learn,
            raft_said.Nudge,
        ),
    ),
)

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TENDERMINT, PBFT, RAFT)}

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

"""The statements of PBFT, the messages they travel in, and the events of its machine.

Six kinds of statement are signed, each in a domain of its own, and each names all that it is about:
view, height (the paper's sequence number) and who says it. They may reach a node by any hand; only
their own signatures count. Requests and replies, the paper's other two messages, are the business
of whoever uses the engine (`clients`). What every engine shares is in `meshkit.consensus.messages`.

Views are counted within one validator set, from the height `since` at which the set took over: so
what is said about views names that height too.
"""

from typing import ClassVar, TypeAlias

from meshkit.consensus.messages import (
    Begin,
    Decided,
    EquivocationSeen,
    Judge,
    Open,
    ProposalTaken,
    ProposalWanted,
    Propose,
    Serve,
    Validator,
)
from meshkit.core.machine import Broadcast, Heard, Restarted, Send, Wake
from meshkit.core.value import Statement, Value

# -- statements -----------------------------------------------------------------------------------


class PrePrepare(Statement):
    """The primary of a view assigns a value to a height.

    The signature covers the value through `value_id`, so evidence and proofs stay small.
    """

    DOMAIN: ClassVar[str] = "meshkit/pbft/pre-prepare/1"
    SIGNER: ClassVar[str] = "proposer"
    UNSIGNED: ClassVar[tuple[str, ...]] = ("value", "signature")

    view: int
    height: int
    value_id: bytes
    proposer: bytes
    value: Value | None = None
    signature: bytes = b""


class Prepare(Statement):
    """A backup accepts what the primary assigned."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/prepare/1"
    SIGNER: ClassVar[str] = "voter"

    view: int
    height: int
    value_id: bytes
    voter: bytes
    signature: bytes = b""


class Commit(Statement):
    """A replica knows that a quorum accepted it: a quorum of these decides the height."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/commit/1"
    SIGNER: ClassVar[str] = "voter"

    view: int
    height: int
    value_id: bytes
    voter: bytes
    signature: bytes = b""


class Checkpoint(Statement):
    """A replica has decided all heights up to this one; `digest` chains what was decided."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/checkpoint/1"
    SIGNER: ClassVar[str] = "voter"

    height: int
    digest: bytes
    voter: bytes
    signature: bytes = b""


class PreparedProof(Value):
    """That a value was prepared: the primary's word, and backups' who together are a quorum."""

    pre_prepare: PrePrepare  # without its value
    prepares: tuple[Prepare, ...]  # sorted by voter


class ViewChange(Statement):
    """A replica gives up on all views below `view`, and shows what may have been decided in them:
    its stable checkpoint, with the proof, and what it knows to be prepared above."""

    DOMAIN: ClassVar[str] = "meshkit/pbft/view-change/1"
    SIGNER: ClassVar[str] = "voter"

    since: int
    view: int
    stable: int
    checkpoints: tuple[Checkpoint, ...]  # the paper's C, sorted by voter
    prepared: tuple[PreparedProof, ...]  # the paper's P, sorted by height
    voter: bytes
    signature: bytes = b""


class NewView(Statement):
    """The primary of a view begins it, and shows why it begins as it does.

    `chosen` and `nulls` are the paper's O: which values must be decided in this view, and at which
    heights below the last of them nothing was prepared.
    """

    DOMAIN: ClassVar[str] = "meshkit/pbft/new-view/1"
    SIGNER: ClassVar[str] = "proposer"

    since: int
    view: int
    changes: tuple[ViewChange, ...]  # the paper's V, sorted by voter
    chosen: tuple[PrePrepare, ...]  # sorted by height, without their values
    nulls: tuple[int, ...]
    proposer: bytes
    signature: bytes = b""


Phase: TypeAlias = PrePrepare | Prepare | Commit  # what is said of one height in one view
Showable: TypeAlias = PrePrepare | Prepare | Commit | Checkpoint  # what two of may be evidence

# -- messages -------------------------------------------------------------------------------------


class Shown(Value):
    """Statements that the receiver may lack, or that convict one of their signers."""

    statements: tuple[PrePrepare | Prepare | Commit | Checkpoint, ...]


class Offer(Value):
    """A value that the receiver asked for: its digest is all the proof it needs."""

    height: int
    value: Value


class WantValue(Value):
    """A quorum speaks of a value that never reached me: who has it?"""

    height: int
    value_id: bytes


class WantView(Value):
    """Others seem to be in a later view than I am: how did it begin?"""

    since: int
    view: int


# -- events: those that only the machine itself reads ---------------------------------------------


class HeightBegun(Value):
    """These validators decide this height, and have decided since `since`."""

    height: int
    validators: tuple[Validator, ...]  # sorted by id
    since: int
    every: int  # heights between two checkpoints
    now_ns: int


class Opened(Value):
    """Something waits to be decided."""

    height: int
    now_ns: int


class TimerStarted(Value):
    """Waiting for this view ends at `due_ns`; at `slow_ns` its primary is slow (0: never)."""

    view: int
    now_ns: int
    due_ns: int
    slow_ns: int


class Proposed(Value):
    """We are the primary and assign a value. Once journaled, we never assign another."""

    height: int
    view: int
    value_id: bytes


class PrePrepareHeard(Value):
    """The primary's word for this height; the value is in the `ProposalTaken` that goes before."""

    pre_prepare: PrePrepare  # without its value
    now_ns: int


class PrepareHeard(Value):
    """The first word of a backup for this height in this view."""

    prepare: Prepare


class CommitHeard(Value):
    """The first commit of a replica for this height in this view."""

    commit: Commit


class PrepareCast(Value):
    """We accept. Once journaled, we never accept otherwise at this height in this view."""

    height: int
    view: int
    value_id: bytes
    now_ns: int


class CommitCast(Value):
    """We know that a quorum accepted. Once journaled, we never say otherwise."""

    height: int
    view: int
    value_id: bytes
    now_ns: int


class ValueJudged(Value):
    """The node found a proposed value valid, or not."""

    height: int
    value_id: bytes
    valid: bool


class ValueMissed(Value):
    """A quorum speaks of a value that we do not have."""

    height: int
    value_id: bytes


class CheckpointTaken(Value):
    """We have decided all heights up to this one."""

    height: int
    digest: bytes


class CheckpointHeard(Value):
    """The first checkpoint of a replica at this height."""

    checkpoint: Checkpoint


class StableFound(Value):
    """A quorum has decided all heights up to this one: what was said of them may be forgotten."""

    height: int
    digest: bytes
    proof: tuple[Checkpoint, ...]  # sorted by voter
    now_ns: int


class PrimarySlow(Value):
    """Something has waited for the primary for longer than a good one takes."""

    height: int
    view: int
    now_ns: int


class ViewLeft(Value):
    """We give up on all views below that of `change`, which is ours and not signed yet."""

    change: ViewChange
    now_ns: int


class ViewChangeHeard(Value):
    """A replica gives up on views; of each the latest counts."""

    change: ViewChange


class NewViewMade(Value):
    """We are the primary of a view that a quorum has changed to: this is how it begins."""

    new_view: NewView  # not signed yet


class ViewEntered(Value):
    """A view has begun in proper form."""

    new_view: NewView
    now_ns: int


class Repeated(Value):
    """Nothing moved for a while, or we were away: say again what the others may not have heard."""

    height: int
    now_ns: int
    restarted: bool


class PeerAhead(Value):
    """A peer speaks of a height or view above ours: we shall ask it."""

    sender: bytes
    height: int
    view: int
    now_ns: int


class StatementKept(Value):
    """A peer is ahead, or waits for a view that we wait for too: what it said waits until then."""

    sender: bytes
    statement: PrePrepare | Prepare | Commit
    now_ns: int


class ConflictShown(Value):
    """A backup was told otherwise than we were: it is shown what the primary told us."""

    to: bytes
    pre_prepare: PrePrepare  # without its value
    now_ns: int


class HeightAnswered(Value):
    """A peer is at a height that is decided: it is told how."""

    to: bytes
    height: int
    now_ns: int


class ViewAnswered(Value):
    """A peer is in a view that is over: it is shown how a later one began."""

    to: bytes
    view: int
    now_ns: int


class StableAnswered(Value):
    """A peer does not know that a checkpoint is stable: it is shown the proof."""

    to: bytes
    height: int
    now_ns: int


class ValueAnswered(Value):
    """A peer lacks a value that we have."""

    to: bytes
    height: int
    value_id: bytes
    now_ns: int


Command: TypeAlias = Begin | Open | Propose | Judge | Heard | Wake | Restarted

Event: TypeAlias = (
    HeightBegun
    | Opened
    | TimerStarted
    | ProposalWanted
    | ProposalTaken
    | Proposed
    | PrePrepareHeard
    | PrepareHeard
    | CommitHeard
    | PrepareCast
    | CommitCast
    | ValueJudged
    | ValueMissed
    | Decided
    | CheckpointTaken
    | CheckpointHeard
    | StableFound
    | PrimarySlow
    | ViewLeft
    | ViewChangeHeard
    | NewViewMade
    | ViewEntered
    | EquivocationSeen
    | Repeated
    | PeerAhead
    | StatementKept
    | ConflictShown
    | HeightAnswered
    | ViewAnswered
    | StableAnswered
    | ValueAnswered
)

Effect: TypeAlias = Broadcast | Send | Serve

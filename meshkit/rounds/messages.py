"""What a round says, is told, records and asks for. Statements first: they alone leave the node.

A digest is 32 bytes of BLAKE3; an id is a member's 32-byte public key. Values that end in `_ns` are
moments of this node's own clock, values that end in `_ms` durations.
"""

from typing import ClassVar, TypeAlias

from meshkit.core.machine import Broadcast, Heard, Restarted, Wake
from meshkit.core.value import Statement, Value

# -- statements between nodes ---------------------------------------------------------------------


class Update(Statement):
    """A trainer's work of one round. The blob holds the integers; this holds what they weigh."""

    DOMAIN: ClassVar[str] = "meshkit/update/1"
    SIGNER: ClassVar[str] = "submitter"

    submitter: bytes
    task: bytes
    round: int
    blob: bytes  # digest
    size: int  # bytes of the blob
    samples: int  # trained on; at most the policy's cap
    accuracy_ppm: int  # of the round's base model on the submitter's own held-out data; -1: none
    loss_micro: int  # likewise, in millionths; -1: none
    signature: bytes = b""


class Held(Statement):
    """One validator's one list a round: the updates whose blobs it has and found valid.

    Of a submitter that signed two updates both are listed, as proof that neither counts.
    """

    DOMAIN: ClassVar[str] = "meshkit/held/1"
    SIGNER: ClassVar[str] = "holder"

    holder: bytes
    task: bytes
    round: int
    updates: tuple[Update, ...]  # sorted by submitter
    signature: bytes = b""


class Attestation(Statement):
    """A committee member's word that these lists, among these participants, give this model."""

    DOMAIN: ClassVar[str] = "meshkit/attestation/1"
    SIGNER: ClassVar[str] = "member"

    member: bytes
    task: bytes
    round: int
    lists: bytes  # digest of the Held lists and of who takes part: `inclusion.grounds_of`
    model: bytes
    signature: bytes = b""


class Proof(Value):
    """Why a round ends as it does: Held lists of more than two thirds of the validators' weight."""

    lists: tuple[Held, ...]  # sorted by holder
    attestations: tuple[Attestation, ...]  # sorted by member; the collector's own among them


# -- the parts of commands, events and effects ----------------------------------------------------


class Spec(Value):
    """What a task asks of its workers and what it bears from them: the same in all its rounds."""

    module: str  # "module:attribute" of an installed package
    parameters: str  # canonical JSON
    quorum: int  # updates after which a list may be signed; 0: as many as there are trainers
    deadline_ms: int  # after which a list is signed with what is there
    patience_ms: int  # how long stragglers are waited for once the quorum is there
    size: int  # number of model parameters
    bits: int  # of an update's entry
    scale_bits: int  # an update's entry x stands for x / 2^scale_bits
    strategy: str
    seed: int
    samples_max: int  # the largest weight one update may claim
    update_bytes: int  # of every update's blob
    round_bytes_max: int  # what one member may make others store in a round
    model_bytes: int  # of every model's blob


class Holder(Value):
    """A validator of the round, as one whose list counts by its weight."""

    id: bytes
    weight: int


class Counted(Value):
    """One update that counts: whose, the blob's digest, and its weight in samples."""

    submitter: bytes
    update: bytes
    samples: int


class Result(Value):
    """A round's outcome, as the collector signs it into an item of the ledger."""

    collector: bytes
    task: bytes
    round: int
    base: bytes  # digest of the model the round started from
    model: bytes  # digest of the model it ends with; `base` again if nothing counted
    credits: tuple[Counted, ...]  # sorted by submitter
    proof: Proof


class Candidate(Value):
    """The lists that we, as collector, make a result of, and the updates that they include."""

    lists: tuple[Held, ...]
    updates: tuple[Update, ...]
    key: bytes  # digest of the credits


# -- commands -------------------------------------------------------------------------------------


class Open(Value):
    """The ledger opened a round; or, for a round that is open, who takes part in it has changed."""

    task: bytes
    round: int
    spec: Spec
    base: bytes  # digest of the model to start from
    seed: bytes  # public chance of this round, for whoever trains
    trainers: tuple[bytes, ...]  # sorted
    validators: tuple[Holder, ...]  # sorted by id
    ranking: tuple[bytes, ...]  # validators, best first: who collects, and who stands by
    committee: int  # how many of the ranking attest
    standby_ms: int  # after which the next rank steps in


class Close(Value):
    """The ledger finished a task, with its final model, or cancelled it, with none."""

    task: bytes
    reason: str
    model: bytes | None = None


class Trained(Value):
    """`Train` is done: the blob lies in our store."""

    task: bytes
    round: int
    blob: bytes
    size: int
    samples: int
    accuracy_ppm: int
    loss_micro: int


class TrainingFailed(Value):
    """`Train` cannot be done in this round."""

    task: bytes
    round: int
    reason: str


class Fetched(Value):
    """`Fetch` is done, or has met a problem: one of PROBLEMS. The fields are the effect's."""

    task: bytes
    form: str
    digest: bytes
    size: int
    problem: str


class Aggregated(Value):
    """`Aggregate` is done, and the model lies in our store; or our own world has failed us."""

    task: bytes
    round: int
    base: bytes
    key: bytes
    model: bytes | None
    problem: str


class Judge(Value):
    """Does this result follow from its proof? `reference` is a digest of it all, and comes back.

    `pooled` says that the result lies in our own pool, so that we can propose it ourselves; not so
    one that only stands in somebody's proposal.
    """

    reference: bytes
    result: Result
    pooled: bool


Command: TypeAlias = (
    Open
    | Close
    | Heard
    | Trained
    | TrainingFailed
    | Fetched
    | Aggregated
    | Judge
    | Wake
    | Restarted
)


class Case(Value):
    """A judgement that waits for blobs or for an aggregate."""

    judge: Judge
    updates: tuple[Update, ...]  # those the result includes
    key: bytes  # digest of the credits


# -- why something is refused ---------------------------------------------------------------------

MALFORMED = "malformed"
OVERSIZED = "oversized"
NON_FINITE = "non-finite"
OUT_OF_GRID = "out-of-grid"
MISSING = "missing"  # nobody asked had the blob: no verdict, it is asked for again
PROBLEMS = (MALFORMED, OVERSIZED, NON_FINITE, OUT_OF_GRID, MISSING)
OVER_CAP = "over-cap"  # more samples than the policy lets one update weigh
OVER_QUOTA = "over-quota"  # more bytes than one member may make others store in a round
TWO_UPDATES = "two-updates"


# -- events ---------------------------------------------------------------------------------------


class RoundOpened(Value):
    opened: Open
    at_ns: int


class RoundReopened(Value):
    """Who takes part in the open round has changed; what was heard from those who stay is kept."""

    opened: Open
    at_ns: int


class TaskClosed(Value):
    task: bytes
    reason: str
    model: bytes | None
    at_ns: int


class TaskForgotten(Value):
    """The final model of a closed task was to be had nowhere."""

    task: bytes


class ModelHeld(Value):
    """The model that the round starts from (or the task ended with) lies in our store."""

    task: bytes
    digest: bytes


class UpdateFormed(Value):
    """Our own training is done; `update` is unsigned as yet."""

    update: Update
    at_ns: int


class TrainingLost(Value):
    """Our own training came to nothing in this round."""

    task: bytes
    round: int
    reason: str


class UpdateNoted(Value):
    """A submitter's first update of the round, in proper form; its blob is to be fetched."""

    update: Update
    at_ns: int


class UpdateRefused(Value):
    """The update counts for nothing here, for the reason named. Its signature is the evidence."""

    update: Update
    reason: str


class UpdateConflict(Value):
    """Two updates of one submitter in one round: neither counts, and the pair is evidence."""

    first: Update
    second: Update


class BlobChecked(Value):
    """An update's blob is here and valid, or has the problem named."""

    task: bytes
    digest: bytes
    size: int
    problem: str
    at_ns: int


class HeldFormed(Value):
    """Our own list; unsigned as yet."""

    held: Held
    at_ns: int


class HeldTaken(Value):
    """A validator's list of the round, in proper form."""

    held: Held
    at_ns: int


class HeldRefused(Value):
    """A list that no honest validator signs, for the reason named."""

    held: Held
    reason: str


class HeldConflict(Value):
    """Two lists of one validator in one round: evidence. The first still counts as its list."""

    first: Held
    second: Held


class EarlyKept(Value):
    """A statement of the round after the open one: the ledger will soon open it here, too."""

    statement: Update | Held


class CandidateChosen(Value):
    """We collect: these lists are to become the round's result."""

    task: bytes
    candidate: Candidate


class CollectingPutOff(Value):
    """The lists at hand include nothing: others are waited for, until then."""

    task: bytes
    until_ns: int


class AggregateKnown(Value):
    """We computed it ourselves: these credits give this model."""

    task: bytes
    key: bytes
    model: bytes


class BlobsLost(Value):
    """What this aggregate is made of is not in our store after all: it is to be fetched again."""

    task: bytes
    key: bytes


class AttestationFormed(Value):
    """Our own attestation; unsigned as yet."""

    attestation: Attestation
    at_ns: int


class AttestationTaken(Value):
    attestation: Attestation


class AttestationConflict(Value):
    """One member says of the same lists that they give two models: evidence."""

    first: Attestation
    second: Attestation


class CaseOpened(Value):
    """A result is in proper form; whether the model follows is to be computed."""

    case: Case


class Judged(Value):
    """The answer to `Judge`."""

    reference: bytes
    task: bytes
    round: int
    collector: bytes
    pooled: bool
    valid: bool
    reason: str  # why not valid, or ""


class ResultRefused(Value):
    """A result that does not follow from its own proof: the collector's signature is on it."""

    result: Result
    reason: str


class ResultFormed(Value):
    """We collected: this result is to be offered to the ledger. All its statements are signed."""

    result: Result


class Reminded(Value):
    """Everything still owed in the round is asked for, or said, again."""

    task: bytes
    repeats: int  # how often since something new was owed
    at_ns: int


Event: TypeAlias = (
    RoundOpened | RoundReopened | TaskClosed | TaskForgotten | ModelHeld | UpdateFormed
    | TrainingLost | UpdateNoted | UpdateRefused | UpdateConflict | BlobChecked | HeldFormed
    | HeldTaken | HeldRefused | HeldConflict | EarlyKept | CandidateChosen | CollectingPutOff
    | AggregateKnown | BlobsLost | AttestationFormed | AttestationTaken | AttestationConflict
    | CaseOpened | Judged | ResultRefused | ResultFormed | Reminded
)  # fmt: skip


# -- effects --------------------------------------------------------------------------------------

UPDATE = "update"
MODEL = "model"
FORMS = (UPDATE, MODEL)


class Train(Value):
    """Train from `base` and answer `Trained` or `TrainingFailed`. A newer round of the task
    makes an older training pointless; asked again while it runs, it is the same asking."""

    task: bytes
    round: int
    spec: Spec
    base: bytes
    seed: bytes


class Fetch(Value):
    """Have the blob in our store and check it against the task; answer `Fetched`.

    `size` is what an update's blob must measure exactly, and a model's at most. `sources` are to
    be tried in order; a blob that is here already needs none.
    """

    task: bytes
    form: str  # of FORMS
    digest: bytes
    size: int  # bytes
    sources: tuple[bytes, ...]
    spec: Spec


class Aggregate(Value):
    """Compute the model that `credits` make of `base`, store it, and answer `Aggregated`."""

    task: bytes
    round: int
    spec: Spec
    base: bytes
    key: bytes  # digest of `credits`
    credits: tuple[Counted, ...]


Effect: TypeAlias = Train | Fetch | Aggregate | Broadcast

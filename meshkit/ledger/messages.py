"""What the mesh agrees on, in values: genesis, members, policy, tasks, and the items of blocks.

An item is a statement: whoever is allowed to ask for it has signed it, so it may travel by any
hand. A block is what one height of consensus decides; the ledger applies its items in order.
"""

from typing import ClassVar, TypeAlias

from meshkit.core.machine import Heard, Restarted, Wake
from meshkit.core.value import Statement, Value


class Member(Value):
    """A node of the mesh. Keys are 32 bytes; addresses are ZeroMQ endpoints ("tcp://host:port")."""

    id: bytes  # Ed25519 public key: the identity
    name: str
    roles: tuple[str, ...]  # of ROLES
    weight: int  # in the quorum, positive
    transport: bytes  # CURVE public key, as 32 raw bytes
    events: str  # PUB
    direct: str  # ROUTER
    blobs: str  # ROUTER for blobs
    join: str  # ROUTER for those who are not members yet
    anchor: bytes  # the end of this member's hash chain: see `beacon`


ROLES = ("trainer", "validator")


class Operator(Value):
    """A person's key, and what it may do: of MAY."""

    key: bytes
    name: str
    may: tuple[str, ...]


MAY = ("submit", "cancel", "admit", "remove")


class Policy(Value):
    """The rules of one mesh, fixed in its genesis."""

    engine: str = "tendermint"
    allowed_tasks: tuple[str, ...] = ()  # "module:attribute"
    samples_max: int = 100_000  # the largest weight one update may claim
    update_bytes_max: int = 64 * 2**20
    round_bytes_max: int = 256 * 2**20  # what one member may make others store in a round
    pool_items_max: int = 64  # items of one signer waiting in a node's pool
    block_items_max: int = 256
    committee: int = 3
    standby_ms: int = 500  # after which the next rank steps in
    propose_ms: int = 1_000
    vote_ms: int = 500
    step_ms: int = 500  # by which timeouts grow a round


class Genesis(Value):
    """What a mesh is founded on; `mesh id = digest(genesis)`."""

    name: str
    created_ns: int
    founders: tuple[Member, ...]
    operators: tuple[Operator, ...]
    policy: Policy


class Task(Value):
    """A learning task. The task's id is the digest of this value."""

    name: str
    module: str  # "module:attribute" of an installed package, allowed by the policy
    parameters: str  # canonical JSON, the task's own settings
    rounds: int
    quorum: int  # updates after which a round may close; 0: as many as there are trainers
    deadline_ms: int  # after which a round closes with what is there
    patience_ms: int  # how long stragglers are waited for once the quorum is there
    size: int  # number of model parameters
    bits: int  # of an update's entry: |x| < 2^(bits-1)
    scale_bits: int  # an update's entry x stands for x / 2^scale_bits
    strategy: str  # of meshkit.learning.STRATEGIES
    initial: bytes  # digest of the model blob to start from
    seed: int


# -- items ----------------------------------------------------------------------------------------


class SubmitTask(Statement):
    DOMAIN: ClassVar[str] = "meshkit/submit/1"
    SIGNER: ClassVar[str] = "operator"

    operator: bytes
    serial: int  # an operator's serials only grow: nothing is applied twice
    task: Task
    signature: bytes = b""


class CancelTask(Statement):
    DOMAIN: ClassVar[str] = "meshkit/cancel/1"
    SIGNER: ClassVar[str] = "operator"

    operator: bytes
    serial: int
    task: bytes
    signature: bytes = b""


class Ticket(Statement):
    """An operator's word that the holder of `member` may join with these roles and weight.

    It is good once, because an identity joins once: one that left never returns. Its serial only
    tells tickets apart, so that tickets may be used in any order.
    """

    DOMAIN: ClassVar[str] = "meshkit/ticket/1"
    SIGNER: ClassVar[str] = "operator"

    operator: bytes
    serial: int
    member: bytes
    roles: tuple[str, ...]
    weight: int
    signature: bytes = b""


class Join(Statement):
    """A ticket, and its holder's own signature on where and how it is to be reached."""

    DOMAIN: ClassVar[str] = "meshkit/join/1"
    SIGNER: ClassVar[str] = "signer"

    signer: bytes
    ticket: Ticket
    member: Member
    signature: bytes = b""


class RemoveMember(Statement):
    """Remove a member; or, of an identity that never joined, void whatever ticket it holds."""

    DOMAIN: ClassVar[str] = "meshkit/remove/1"
    SIGNER: ClassVar[str] = "operator"

    operator: bytes
    serial: int
    member: bytes
    signature: bytes = b""


class Reanchor(Statement):
    """The end of the hash chain that `member` goes on with once its present one is used up."""

    DOMAIN: ClassVar[str] = "meshkit/anchor/1"
    SIGNER: ClassVar[str] = "member"

    member: bytes
    chain: int  # the number of the new chain; the one of its admission is 0
    anchor: bytes
    signature: bytes = b""


class Note(Statement):
    """Up to NOTE_BYTES_MAX bytes that a member wants ordered; the events keep their digest."""

    DOMAIN: ClassVar[str] = "meshkit/note/1"
    SIGNER: ClassVar[str] = "author"

    author: bytes
    serial: int  # an author's serials may arrive out of order, but each counts once: see `checks`
    payload: bytes
    signature: bytes = b""


class Accusation(Statement):
    """Two statements that `culprit` should never both have signed."""

    DOMAIN: ClassVar[str] = "meshkit/accusation/1"
    SIGNER: ClassVar[str] = "accuser"

    accuser: bytes
    culprit: bytes
    first: Statement
    second: Statement
    signature: bytes = b""


class Credit(Value):
    """One update that counted: whose, the blob's digest, and its weight in samples."""

    submitter: bytes
    update: bytes
    samples: int


class RoundResult(Statement):
    """A round's outcome as its collector states it; `proof` is for the rounds' machine to judge."""

    DOMAIN: ClassVar[str] = "meshkit/result/1"
    SIGNER: ClassVar[str] = "collector"

    collector: bytes
    task: bytes
    round: int
    base: bytes  # digest of the model the round started from
    model: bytes  # digest of the model it ends with
    credits: tuple[Credit, ...]
    proof: Value
    signature: bytes = b""


class Block(Value):
    """What one height decides."""

    height: int
    previous: bytes  # digest of the block before; of the genesis at height 1
    proposer: bytes  # who built it, whoever proposes it again
    link: bytes  # the next link of the proposer's hash chain
    items: tuple[Statement, ...]


Item: TypeAlias = (
    SubmitTask | CancelTask | Join | RemoveMember | Reanchor | Note | Accusation | RoundResult
)
ITEMS: tuple[type[Statement], ...] = (
    SubmitTask,
    CancelTask,
    Join,
    RemoveMember,
    Reanchor,
    Note,
    Accusation,
    RoundResult,
)


# -- commands -------------------------------------------------------------------------------------


class Found(Value):
    """The first command of a ledger: what the mesh is."""

    genesis: Genesis


class Apply(Value):
    """A block was decided: the heights come in order, without a gap."""

    height: int
    block: Block


Command: TypeAlias = Found | Apply | Wake | Restarted | Heard


# -- events: one a fact, in the order of the block's items; `BlockApplied` comes last -------------


class Founded(Value):
    genesis: Genesis


class MemberAdmitted(Value):
    member: Member


class MemberRemoved(Value):
    member: bytes


class TicketVoided(Value):
    """This identity never joined, and now never will."""

    member: bytes


class Reanchored(Value):
    member: bytes
    chain: int
    anchor: bytes


class TaskOpened(Value):
    id: bytes
    task: Task


class RoundOpened(Value):
    """Training may begin: from the model `base`, with the committee drawn by `seed`."""

    task: bytes
    round: int
    base: bytes
    seed: bytes


class RoundCommitted(Value):
    task: bytes
    round: int
    model: bytes
    credits: tuple[Credit, ...]


class TaskFinished(Value):
    task: bytes
    model: bytes


class TaskCancelled(Value):
    task: bytes


class NoteRecorded(Value):
    """A member's note has its place in the order; `payload` is its BLAKE3."""

    author: bytes
    serial: int
    payload: bytes


class Accused(Value):
    """It stands proved that `culprit` signed two statements of `domain` that exclude each other."""

    culprit: bytes
    accuser: bytes
    domain: str
    first: bytes  # digests, in ascending order; the statements are in the block
    second: bytes


class SerialUsed(Value):
    """A command of an operator was applied: its serials go on from here."""

    operator: bytes
    serial: int


class ItemRefused(Value):
    """An item of a decided block that does not fit: `reason` is "slug: words"."""

    id: bytes  # the item's: see `checks.item_id`
    reason: str


class BlockApplied(Value):
    """The last event of a height: the state after it is the state of the mesh."""

    height: int
    value_id: bytes
    proposer: bytes
    link: bytes
    seed: bytes


Event: TypeAlias = (
    Founded
    | MemberAdmitted
    | MemberRemoved
    | TicketVoided
    | Reanchored
    | TaskOpened
    | RoundOpened
    | RoundCommitted
    | TaskFinished
    | TaskCancelled
    | NoteRecorded
    | Accused
    | SerialUsed
    | ItemRefused
    | BlockApplied
)

"""What the mesh agrees on, in values: genesis, members, policy, tasks, and the items of blocks.

An item is a statement: whoever is allowed to ask for it has signed it, so it may travel by any
hand. A block is what one height of consensus decides; the ledger applies its items in order.
"""

from typing import ClassVar

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
    """An operator's word that the holder of `member` may join with these roles and weight."""

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
    DOMAIN: ClassVar[str] = "meshkit/remove/1"
    SIGNER: ClassVar[str] = "operator"

    operator: bytes
    serial: int
    member: bytes
    signature: bytes = b""


class Note(Statement):
    """Up to NOTE_BYTES_MAX bytes that a member wants ordered; the ledger keeps their digest."""

    DOMAIN: ClassVar[str] = "meshkit/note/1"
    SIGNER: ClassVar[str] = "author"

    author: bytes
    serial: int
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

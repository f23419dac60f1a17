"""What every consensus engine is told and tells: the face the ledger sees, whichever runs.

An engine is begun at a height with the validators of that height, opened when something is ready,
asked for no more than one value, and says once which value was decided and how that is proved. It
never looks inside a value: it compares identifiers, `value_id = digest(value)`, and waits for the
node's judgement of a value before it votes for one.
"""

from meshkit.core.value import Statement, Value

NIL = b""  # the value id of a vote for nothing


class Validator(Value):
    """One voter of a height. `id` is its Ed25519 public key, `weight` a positive integer."""

    id: bytes
    weight: int


class Certificate(Value):
    """More than two thirds of a height's weight voted finally for `value_id` in `round`.

    `votes` are the engine's own statements, signatures and all, sorted by voter. So whoever opens
    an envelope verifies them like any other statement inside it, and whether they amount to a
    certificate is arithmetic: `meshkit.consensus.certificate`.
    """

    height: int
    round: int
    value_id: bytes
    votes: tuple[Statement, ...]


# -- commands: what a node may ask of an engine ---------------------------------------------------


class Begin(Value):
    """Start on `height`, decided by `validators`. Heights follow one another without a gap.

    `builder` made the value of the height before, whoever proposed it at last; empty at the first.
    """

    height: int
    validators: tuple[Validator, ...]
    builder: bytes = b""


class Open(Value):
    """Something is ready to be decided: start the clock of this height."""


class Propose(Value):
    """The value asked for by `ProposalWanted`."""

    height: int
    round: int
    value: Value


class Judge(Value):
    """The node's verdict on a proposed value: may it be voted for?"""

    height: int
    value_id: bytes
    valid: bool


# -- events that the node's policies read ---------------------------------------------------------


class ProposalWanted(Value):
    """We are the proposer of this round and have no value that must be proposed again."""

    height: int
    round: int


class ProposalTaken(Value):
    """A proposal came in proper form and is waiting to be judged (once a value id and height)."""

    height: int
    round: int
    value_id: bytes
    proposer: bytes
    value: Value


class Decided(Value):
    """The height is decided, and `certificate` proves it to anyone."""

    certificate: Certificate
    value: Value


class EquivocationSeen(Value):
    """Two statements that no honest signer signs both: evidence that stands alone."""

    culprit: bytes
    first: Statement
    second: Statement


# -- messages between nodes that every engine shares ----------------------------------------------


class Ask(Value):
    """I am at `height`, still undecided: tell me what was decided from there on."""

    height: int


class Committed(Value):
    """A decided value with its proof: whoever sends it need not be believed."""

    certificate: Certificate
    value: Value


class Serve(Value):
    """Effect: send `to` what was decided at `height` and later, from the store of blocks."""

    to: bytes
    height: int

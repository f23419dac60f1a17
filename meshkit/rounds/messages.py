"""The statements of a federated round: an update, the list of updates held, an attestation."""

from typing import ClassVar

from meshkit.core.value import Statement, Value


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
    """One validator's one list a round: the updates whose blobs it has and found valid."""

    DOMAIN: ClassVar[str] = "meshkit/held/1"
    SIGNER: ClassVar[str] = "holder"

    holder: bytes
    task: bytes
    round: int
    updates: tuple[Update, ...]  # sorted by submitter
    signature: bytes = b""


class Attestation(Statement):
    """A committee member's word that these lists give this model."""

    DOMAIN: ClassVar[str] = "meshkit/attestation/1"
    SIGNER: ClassVar[str] = "member"

    member: bytes
    task: bytes
    round: int
    lists: bytes  # digest of the tuple of Held lists
    model: bytes
    signature: bytes = b""


class Proof(Value):
    """Why a round ends as it does: Held lists of more than two thirds of the validators' weight."""

    lists: tuple[Held, ...]  # sorted by holder
    attestations: tuple[Attestation, ...]

"""What each field may hold, beyond its type: how long a key is, how large a number may be.

The form is checked on the way in and on the way out, so a machine may rely on it whoever sent the
value, and a node never journals what it could not read again. Meaning is not checked here: whether
a height follows the last one, or a signer is a member, is for `decide`.

A field's form follows from its name, as units do: one name means one thing in the whole house,
but for the few exceptions named with their class.
The bounds on integers keep sums and products of a few such numbers below 2^64, the largest number
with a canonical form, so that no peer can make a machine compute what cannot be journaled.
"""

from typing import TypeAlias

Form: TypeAlias = (
    range | frozenset[int]
)  # the numbers a field may hold; for text, bytes and tuples the lengths


class Malformed(ValueError):
    """These bytes are no value, or this value has no form that may travel; one line says why."""


# -- integers --------------------------------------------------------------------------------------

NATURAL = range(2**53)  # counts, indices, heights: exact in JSON and float64 too
SIGNED = range(-(2**53), 2**53)
TIME_NS = range(2**62)  # until the year 2116; two of them still add up below 2^63
SPAN_MS = range(2**40)  # 34 years; as nanoseconds below 2^60
WORD = range(2**64)  # 64 random bits

SIGNED_NAMES = frozenset(
    {
        "valid_round",  # -1: none (the paper's)
        "accuracy_ppm",  # -1: not measured
        "loss_micro",  # -1: not measured
    }
)

# -- lengths ---------------------------------------------------------------------------------------

KEY = frozenset({32})  # of an Ed25519 or CURVE public key
DIGEST = frozenset({32})  # of BLAKE3
DIGEST_OR_NONE = frozenset({0, 32})
KEY_OR_NONE = frozenset({0, 32})
SIGNATURE_OR_NONE = frozenset({0, 64})  # of Ed25519; none: the shell has not signed yet
TEXT = range(4 * 2**10 + 1)  # names, endpoints, module:attribute (a guess: the longest path)
DOCUMENT = range(64 * 2**10 + 1)  # a task's parameters (a guess)
PAYLOAD = range(64 * 2**10 + 1)  # bytes whose meaning is not ours; the ledger's own cap is lower
COUNT = range(2**16 + 1)  # items of a tuple: ten thousand updates a round, with room

BYTES_FORMS: dict[str, Form] = {
    **dict.fromkeys(
        (
            "accuser", "author", "candidate", "collector", "culprit", "holder", "key", "learners",
            "learners_next", "member", "of", "operator", "outgoing", "proposer", "ranking",
            "sender", "signer", "submitter", "to", "trainers", "transport", "voter", "voters",
        ),
        KEY,
    ),
    **dict.fromkeys(
        (
            "anchor", "base", "blob", "digest", "first", "head_hash", "id", "ids", "initial",
            "link", "lists", "mesh", "model", "previous", "result", "second", "seed", "state",
            "task", "update",
        ),
        DIGEST,
    ),
    "builder": KEY_OR_NONE,  # none: of no value
    "Close.model": DIGEST_OR_NONE,  # none: the task was cancelled
    "TaskClosed.model": DIGEST_OR_NONE,
    "leader": KEY_OR_NONE,  # none: nobody is known to lead
    "reference": DIGEST_OR_NONE,  # of a value under judgement
    "value_id": DIGEST_OR_NONE,  # none: a vote for nothing
    "signature": SIGNATURE_OR_NONE,
    "payload": PAYLOAD,
    "token": PAYLOAD,  # of whoever reads
}  # fmt: skip

TEXT_FORMS: dict[str, Form] = {"parameters": DOCUMENT}


def form_of(kind: str, name: str, scalar: type) -> Form | None:
    """The form of field `name`, of type `scalar`, in class `kind`; None: any value of the type."""
    if scalar is int:
        return _integer(name)
    if scalar is bytes:
        return BYTES_FORMS.get(f"{kind}.{name}") or BYTES_FORMS.get(name, PAYLOAD)
    if scalar is str:
        return TEXT_FORMS.get(name, TEXT)
    assert scalar is bool, f"{name}: {scalar} cannot travel"
    return None


def _integer(name: str) -> Form:
    if name in SIGNED_NAMES:
        return SIGNED
    if name == "seed":
        return WORD
    if name.endswith("_ns"):
        return TIME_NS
    if name.endswith("_ms"):
        return SPAN_MS
    return NATURAL

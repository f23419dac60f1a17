"""The form of things: what can be said against a member, a task or a genesis by looking at it.

Each check returns "" or a reason, "slug: words". Text is held to printable ASCII, because what
counts as a letter differs between releases of Python, and every node must judge alike; and because
names are shown in terminals.
"""

import json
import re
from collections.abc import Iterable, Sequence

from meshkit.ledger.messages import MAY, ROLES, Genesis, Member, Operator, Policy, Task

KEY_BYTES = 32
DIGEST_BYTES = 32
SIGNATURE_BYTES_MAX = 64  # Ed25519
NUMBER_MAX = 2**53 - 1  # of serials: exact in JSON and in float64 too
SEED_MAX = 2**64 - 1  # a word
TIME_NS_MAX = 2**62 - 1  # the year 2116

MEMBERS_MAX = 1_024  # every node holds every member; larger meshes are made of cells (a guess)
VALIDATORS_MAX = 128  # about a hundred: votes cost n² messages (architecture: the quorum)
OPERATORS_MAX = 1_024  # a guess
WEIGHT_MAX = 1_000_000  # below 2^20, where `draw` keeps all quotients apart
ALLOWED_TASKS_MAX = 256  # a guess

ROUNDS_MAX = 10_000  # of one task: its outcomes stand in the state (a guess)
DAY_MS = 86_400_000  # no task waits longer for a round (a guess)
PARAMETERS_BYTES_MAX = 4_096  # a task's settings are not its data (a guess)
PARAMETERS_BRACKETS_MAX = 64  # so that no parser's own limit of depth decides

BITS_MIN = 2  # as `learning.grid`, like the three below
BITS_MAX = 32  # the widest entry of an update's blob
SCALE_BITS_MAX = 30  # a step of 1e-9
UPDATE_HEADER_BYTES = 16  # of an update's blob, before its entries
SUM_BITS_MAX = 62  # of Σ w·x, so that it fits an int64, twice over

ENGINES = ("tendermint", "pbft", "raft")  # that this release can run
UNWEIGHTED = ("raft",)  # those under which every validator counts one

_NAME = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?", re.ASCII)
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_MODULE = re.compile(r"[A-Za-z_][\w.]{0,199}:[A-Za-z_]\w{0,99}", re.ASCII)

ENDPOINT = re.compile(r"tcp://(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):([0-9]{1,5})")
ENDPOINT_CHARS_MAX = 206  # so that a card stays small (a guess)
PORT_MAX = 65_535  # of TCP, RFC 9293

# What the numbers of a policy may be. The upper bounds are guesses on the safe side: they keep a
# slip of the pen from making a mesh that cannot work.
_POLICY_BOUNDS = (
    ("samples_max", 1, 2**40),
    ("update_bytes_max", 1, 2**36),
    ("round_bytes_max", 1, 2**40),
    ("pool_items_max", 1, 4_096),
    ("block_items_max", 1, 4_096),
    ("committee", 1, VALIDATORS_MAX),
    ("standby_ms", 1, DAY_MS),
    ("propose_ms", 1, DAY_MS),
    ("vote_ms", 1, DAY_MS),
    ("step_ms", 1, DAY_MS),
)


def is_subset_in_order(words: Sequence[str], allowed: Sequence[str]) -> bool:
    """Are these some of the allowed words, each at most once, in ascending order?"""
    return list(words) == sorted(set(words)) and all(word in allowed for word in words)


def check_name(name: str, of: str) -> str:
    if _NAME.fullmatch(name):
        return ""
    return f"name: the name of a {of} is 1 to 64 printable ASCII characters"


def is_endpoint(text: str) -> bool:
    """Whether `text` is an address that a member may name: TCP, one host, one port.

    ZeroMQ would also take `inproc://` and `ipc://`, and so let a peer aim us at our own insides.
    """
    found = ENDPOINT.fullmatch(text)
    if found is None or len(text) > ENDPOINT_CHARS_MAX:
        return False
    return 0 < int(found[2]) <= PORT_MAX


def check_member(member: Member) -> str:
    """What is wrong with a member's card, whoever else is in the mesh."""
    if refusal := check_name(member.name, "member"):
        return refusal
    if any(len(key) != KEY_BYTES for key in (member.id, member.transport, member.anchor)):
        return f"key: id, transport key and anchor have {KEY_BYTES} bytes each"
    if not member.roles or not is_subset_in_order(member.roles, ROLES):
        return f"roles: one or more of {', '.join(ROLES)}, in this order"
    if not 1 <= member.weight <= WEIGHT_MAX:
        return f"weight: from 1 to {WEIGHT_MAX}"
    doors = (member.events, member.direct, member.blobs)
    if not all(map(is_endpoint, doors)):  # a member that no other can reach is none
        return "address: events, direct and blobs are endpoints such as tcp://host:port"
    if member.join and not is_endpoint(member.join):
        return "address: join is empty, or an endpoint such as tcp://host:port"
    return ""


def check_vote(member: Member, policy: Policy) -> str:
    """Whether the mesh's engine can give a member's vote its weight."""
    if policy.engine in UNWEIGHTED and "validator" in member.roles and member.weight != 1:
        return f"weight: under {policy.engine} every validator weighs 1"
    return ""


def check_operator(operator: Operator) -> str:
    if refusal := check_name(operator.name, "operator"):
        return refusal
    if len(operator.key) != KEY_BYTES:
        return f"key: an operator's key has {KEY_BYTES} bytes"
    if not is_subset_in_order(operator.may, sorted(MAY)):
        return f"may: some of {', '.join(sorted(MAY))}, in this order"
    return ""


def check_policy(policy: Policy) -> str:
    if policy.engine not in ENGINES:
        return f"engine: one of {', '.join(ENGINES)}"
    if len(policy.allowed_tasks) > ALLOWED_TASKS_MAX:
        return f"allowed-tasks: {ALLOWED_TASKS_MAX} at most"
    if not all(_MODULE.fullmatch(module) for module in policy.allowed_tasks):
        return "allowed-tasks: each is a module:attribute"
    for name, low, high in _POLICY_BOUNDS:
        if not low <= getattr(policy, name) <= high:
            return f"policy: {name} is from {low} to {high}"
    return ""


def check_genesis(genesis: Genesis) -> str:
    """What is wrong with a genesis; a mesh is founded on none but a sound one."""
    if refusal := check_name(genesis.name, "mesh"):
        return refusal
    if not 0 <= genesis.created_ns <= TIME_NS_MAX:
        return "time: created_ns counts nanoseconds since 1970"
    policy = genesis.policy
    parts = (
        check_policy(policy),
        *map(check_member, genesis.founders),
        *(check_vote(member, policy) for member in genesis.founders),
        *map(check_operator, genesis.operators),
    )
    return next(filter(None, parts), "") or _check_founders(genesis)


def _check_founders(genesis: Genesis) -> str:
    founders, operators = genesis.founders, genesis.operators
    validators = sum("validator" in member.roles for member in founders)
    if not validators:
        return "founders: at least one is a validator"
    if validators > VALIDATORS_MAX or len(founders) > MEMBERS_MAX:
        return f"founders: {MEMBERS_MAX} at most, and {VALIDATORS_MAX} validators"
    if len(operators) > OPERATORS_MAX:
        return f"operators: {OPERATORS_MAX} at most"
    for what, values in (
        ("id", [member.id for member in founders]),
        ("name", [member.name for member in founders]),
        ("transport key", [member.transport for member in founders]),
        ("operator's key", [operator.key for operator in operators]),
        ("operator's name", [operator.name for operator in operators]),
    ):
        if len(set(values)) < len(values):
            return f"twice: two share one {what}"
    return ""


# -- tasks ----------------------------------------------------------------------------------------


def canonical_json(value: object) -> str:
    """The one text in which a task's parameters are written; raises ValueError on NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def check_parameters(parameters: str) -> str:
    refusal = "parameters: one JSON object in canonical form (keys sorted, no spaces)"
    if len(parameters.encode("utf-8", "replace")) > PARAMETERS_BYTES_MAX:
        return f"parameters: {PARAMETERS_BYTES_MAX} bytes at most"
    if parameters.count("[") + parameters.count("{") > PARAMETERS_BRACKETS_MAX:
        return f"parameters: {PARAMETERS_BRACKETS_MAX} brackets at most"
    if not parameters.startswith("{"):
        return refusal
    try:
        return "" if canonical_json(json.loads(parameters)) == parameters else refusal
    except ValueError:
        return refusal


def update_bytes(size: int, bits: int) -> int:
    """Bytes of an update's blob: each entry takes the least integer type that holds its bits."""
    return UPDATE_HEADER_BYTES + size * next(width for width in (1, 2, 4) if bits <= 8 * width)


def fits(bits: int, samples_max: int, trainers: int) -> bool:
    """Does Σ w·x over this many trainers stay within SUM_BITS_MAX bits?

    bits + log2(samples_max) + log2(trainers) ≤ 62, without the logarithms.
    """
    return samples_max * max(trainers, 1) << bits <= 1 << SUM_BITS_MAX


def check_allowed(module: str, policy: Policy) -> str:
    if module in policy.allowed_tasks:
        return ""
    return f"not-allowed: the genesis does not allow the task {module:.200}"


def check_task(task: Task, policy: Policy) -> str:
    """What is wrong with a task in a mesh of this policy, whoever is in the mesh."""
    if refusal := check_name(task.name, "task"):
        return refusal
    if refusal := check_allowed(task.module, policy):
        return refusal
    if not _WORD.fullmatch(task.strategy):
        return "strategy: a name in small letters"
    if len(task.initial) != DIGEST_BYTES:
        return f"initial: a digest has {DIGEST_BYTES} bytes"
    return (
        _check_numbers(
            (
                ("rounds", task.rounds, 1, ROUNDS_MAX),
                ("quorum", task.quorum, 0, MEMBERS_MAX),
                ("deadline_ms", task.deadline_ms, 1, DAY_MS),
                ("patience_ms", task.patience_ms, 0, task.deadline_ms),
                ("size", task.size, 1, policy.update_bytes_max),
                ("bits", task.bits, BITS_MIN, BITS_MAX),
                ("scale_bits", task.scale_bits, 0, SCALE_BITS_MAX),
                ("seed", task.seed, 0, SEED_MAX),
            )
        )
        or _check_update_bytes(task, policy)
        or check_parameters(task.parameters)
    )


def _check_numbers(numbers: Iterable[tuple[str, int, int, int]]) -> str:
    for name, value, low, high in numbers:
        if not low <= value <= high:
            return f"number: {name} is from {low} to {high}"
    return ""


def _check_update_bytes(task: Task, policy: Policy) -> str:
    wanted = update_bytes(task.size, task.bits)
    allowed = min(policy.update_bytes_max, policy.round_bytes_max)
    return f"too-large: an update has {wanted} bytes, of {allowed}" if wanted > allowed else ""

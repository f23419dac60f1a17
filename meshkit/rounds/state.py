"""What a node knows of the open rounds, one a task, and what can be told from that.

All that a deadline depends on stands in the state, so a replay wakes when the node woke.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from immutables import Map

from meshkit.core.value import Value
from meshkit.rounds.inclusion import is_quorum
from meshkit.rounds.messages import Attestation, Candidate, Case, Held, Open, Update

BlobKey: TypeAlias = tuple[bytes, int]  # digest and stated size: a misstated size harms nobody else
Verdict: TypeAlias = tuple[bytes, str]  # the reference of a result, and why it is not valid, or ""

MS = 1_000_000  # nanoseconds
REPEAT_MS = 400  # before the first repeat (a guess: several round trips across a continent)
REPEAT_DOUBLINGS_MAX = 4  # so repeats slow down to one in 6.4 s (a guess)
UNANSWERED_REPEATS = 3  # 2.8 s: longer than any message is under way
FINAL_REPEATS_MAX = 32  # of asking for a final model, so for over three minutes (a guess)
CASES_MAX = 32  # judgements waiting in a round: one comes with a round of consensus (a guess)
VERDICTS_MAX = 256  # results remembered: one of each validator, and those proposed (a guess)
AGGREGATES_MAX = 256  # likewise
UPDATE_BYTES = 256  # of a statement without its nested updates, at most (tested)


class Round(Value):
    """One task's open round, as one node sees it."""

    # who and what
    opened: Open
    opened_ns: int
    trains: bool = False  # whether we do
    validates: bool = False
    rank: int = -1  # ours in the committee's ranking, -1: none
    weights: Map[bytes, int] = Map()  # of the validators
    total: int = 0
    admitted: tuple[bytes, ...] = ()  # all who were trainers at any time of this round
    closing: bool = False  # the task is done, and only its final model is still wanted

    # our own work
    base_here: bool = False
    own: Update | None = None  # unsigned, like the other own statements
    lost: str | None = None  # why our training came to nothing
    own_list: Held | None = None
    own_attestation: Attestation | None = None

    # what others said, by who said it
    updates: Map[bytes, Update] = Map()  # the first of each submitter
    rivals: Map[bytes, Update] = Map()  # the second of a submitter that signed two
    settled: Map[bytes, str] = Map()  # submitters whose update is held ("") or refused (why)
    held: Map[bytes, Update] = Map()  # those that count for us
    blobs: Map[BlobKey, str] = Map()  # those fetched: "" or what is wrong with them
    quorum_ns: int = 0  # when enough were held for the first time; 0: not yet
    lists: Map[bytes, Held] = Map()
    lists_weight: int = 0
    attestations: Map[bytes, Attestation] = Map()
    caught: Map[tuple[str, bytes], bool] = Map()  # (kind, signer) of evidence kept: once is enough
    early: Map[tuple[str, bytes], Update | Held] = Map()  # (kind, signer), of the next round
    kept_bytes: Map[bytes, int] = Map()  # what a member made us keep or fetch in this round

    # collecting and judging
    collect_ns: int | None = None  # when it is our turn
    void_ns: int | None = None  # when we end the round with nothing, having found nothing to count
    candidate: Candidate | None = None
    known: bool = False  # a valid result lies in our pool, so nobody else need collect
    formed: bool = False  # one of our own making
    aggregates: tuple[tuple[bytes, bytes], ...] = ()  # (key, model), the newest last
    offers: Map[bytes, bytes] = Map()  # collector to the one pooled result of it that is judged
    cases: tuple[Case, ...] = ()  # the newest last
    verdicts: tuple[Verdict, ...] = ()  # the newest last

    # retransmission
    repeats: int = 0
    repeat_ns: int | None = None


class State(Value):
    """All open rounds of a node, by task."""

    me: bytes
    rounds: Map[bytes, Round] = Map()


# -- what follows from the state -------------------------------------------------------------------


def quorum(round_: Round) -> int:
    """How many held updates are enough: never more than there are trainers."""
    trainers = len(round_.opened.trainers)
    return min(round_.opened.spec.quorum or trainers, trainers)


def is_enough(round_: Round) -> bool:
    """Whether a quorum of today's trainers have an update that is held."""
    wanted = quorum(round_)
    return len(round_.held) >= wanted and among(round_.opened.trainers, round_.held) >= wanted


def is_settled(round_: Round) -> bool:
    """Whether there is nothing left to wait for. A round without trainers waits for one to join."""
    trainers = round_.opened.trainers
    settled = len(round_.settled) >= len(trainers) > 0
    return settled and among(trainers, round_.settled) == len(trainers)


def among(members: Iterable[bytes], found: Map[bytes, Any]) -> int:
    """How many of the members are found."""
    return len([member for member in members if member in found])


def blob_key(update: Update) -> BlobKey:
    return (update.blob, update.size)


def has_quorum_of_lists(round_: Round) -> bool:
    return is_quorum(round_.lists_weight, round_.total)


def unanswered(state: State) -> list[Round]:
    """The rounds in which our list has been said again and again, and no quorum has said theirs."""
    return [
        round_
        for _, round_ in sorted(state.rounds.items())
        if round_.own_list is not None
        and not has_quorum_of_lists(round_)
        and round_.repeats >= UNANSWERED_REPEATS
    ]


def model_of(round_: Round, key: bytes) -> bytes | None:
    """The model that we computed of these credits, if we did."""
    return next((model for known, model in round_.aggregates if known == key), None)


def reason_of(round_: Round, reference: bytes) -> str | None:
    """Why we found the result not valid, "" if valid, None if it has not been judged."""
    return next((reason for known, reason in round_.verdicts if known == reference), None)


def verdict(state: State, reference: bytes) -> bool | None:
    """Whether a result of an open round is valid; None if that is not known."""
    for task in sorted(state.rounds):
        reason = reason_of(state.rounds[task], reference)
        if reason is not None:
            return not reason
    return None


def has_room(round_: Round, member: bytes, cost_bytes: int) -> bool:
    """Whether `member` may make us keep so much more in this round."""
    kept = round_.kept_bytes.get(member, 0)
    return kept + cost_bytes <= round_.opened.spec.round_bytes_max


def list_bytes(held: Held) -> int:
    """What a list costs to keep; an upper bound."""
    return UPDATE_BYTES * (1 + len(held.updates))


def early_key(said: Update | Held) -> tuple[str, bytes]:
    """Of whom one statement of each kind is kept until its round opens."""
    return ("update", said.submitter) if isinstance(said, Update) else ("held", said.holder)


def pending(r: Round, key: BlobKey) -> list[Update]:
    """The updates that are this blob and not settled yet, by submitter: two who have trained alike
    have made one blob."""
    named = sorted(who for who, update in r.updates.items() if blob_key(update) == key)
    return [r.updates[who] for who in named if who not in r.settled]


def unseen(r: Round, case: Case) -> tuple[Update, ...]:
    """The updates of a case whose blobs nobody was charged with yet."""
    return tuple(
        update
        for update in case.updates
        if blob_key(update) not in r.blobs and r.updates.get(update.submitter) != update
    )


def has_model(round_: Round, model: bytes) -> bool:
    """Whether this model lies in our store: what the round started from, or what we made of it."""
    is_base = round_.base_here and round_.opened.base == model
    return is_base or any(made == model for _, made in round_.aggregates)


def works(round_: Round) -> tuple[Candidate | Case, ...]:
    """What waits for an aggregate: our own result in the making, and others' to be judged."""
    own = round_.candidate
    mine = (own,) if own is not None and own.updates and not round_.known else ()
    return tuple(work for work in (*mine, *round_.cases) if model_of(round_, work.key) is None)


def is_ready(round_: Round, work: Candidate | Case) -> bool:
    """Whether there is a model to compute, and all it is made of is here."""
    unknown = work.updates and model_of(round_, work.key) is None
    if not unknown or not round_.base_here:
        return False
    return all(round_.blobs.get(blob_key(update)) == "" for update in work.updates)


# -- deadlines -------------------------------------------------------------------------------------


def hold_due_ns(round_: Round) -> int | None:
    """When our list is to be signed; None: not before something else has happened.

    Once all is settled, or enough is held and stragglers have been waited for, or the round's
    deadline has passed. With nothing held there is no hurry: a round in which all updates were
    refused, or nobody has said anything, ends at its deadline and changes nothing. So refusals
    cannot drive rounds faster than training does, and dead trainers cannot hold them up. Where
    nobody is a trainer, it waits for one to join. Without the model that the round starts from
    there is nothing to name either: the list is put off until it is here, or for as long.
    """
    if not round_.validates or round_.own_list is not None:
        return None
    spec = round_.opened.spec
    deadline_ns = round_.opened_ns + spec.deadline_ms * MS
    if not round_.held:
        return deadline_ns if round_.opened.trainers else None
    if not round_.base_here:
        return deadline_ns
    if is_settled(round_):
        return round_.opened_ns
    if round_.quorum_ns and is_enough(round_):
        return min(deadline_ns, round_.quorum_ns + spec.patience_ms * MS)
    return deadline_ns


def collect_due_ns(round_: Round) -> int | None:
    """When we are to make a result of the lists at hand."""
    if round_.candidate is not None or round_.known:
        return None
    return round_.collect_ns if round_.void_ns is None else round_.void_ns


def due_ns(round_: Round) -> int | None:
    """The next moment at which this round does something of itself."""
    earliest = round_.repeat_ns
    for due in (hold_due_ns(round_), collect_due_ns(round_)):
        if due is not None and (earliest is None or due < earliest):
            earliest = due
    return earliest


def repeat_at_ns(at_ns: int, repeats: int) -> int:
    """When what is owed is asked for again: in growing intervals."""
    return at_ns + (REPEAT_MS * MS << min(repeats, REPEAT_DOUBLINGS_MAX))

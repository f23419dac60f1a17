"""What a node owes the world in a round: the effects of each event, and all that is still owed.

An effect may be lost, so whatever is asked for or said can be told again from the state alone:
`owed` is all of it, and a restart or a growing timer asks for it again until it is answered or the
round is over. The same asking twice is harmless: statements are signed alike to the byte, blobs and
models are named by their digests, and a shell does not start anew what it is already doing.

Of `Fetch` only the sources may grow from one asking to the next, as lists name more holders.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeAlias

from meshkit.core.machine import Broadcast
from meshkit.rounds.fold import task_of
from meshkit.rounds.inclusion import credits_of, is_same
from meshkit.rounds.messages import (
    MODEL,
    UPDATE,
    Aggregate,
    AttestationFormed,
    AttestationTaken,
    BlobChecked,
    Candidate,
    CandidateChosen,
    Case,
    CaseOpened,
    Effect,
    Event,
    Fetch,
    Held,
    HeldFormed,
    HeldTaken,
    Judged,
    ModelHeld,
    Reminded,
    RoundOpened,
    RoundReopened,
    TaskClosed,
    Train,
    Update,
    UpdateFormed,
    UpdateNoted,
    UpdateRefused,
)
from meshkit.rounds.state import BlobKey, Round, State, blob_key, is_ready, works

Asked: TypeAlias = tuple[Update, tuple[Held, ...]]  # whose blob, and the lists that may name it


# What is only taken note of, which is most of what happens.
SILENT = frozenset({AttestationTaken, HeldTaken, Judged, UpdateRefused})


def react(state: State, event: Event) -> Sequence[Effect]:
    """The effects of one event, in the state just after it."""
    round_ = state.rounds.get(task_of(event))
    if round_ is None:
        return ()
    match event:
        case UpdateNoted():
            asked = _asked_for_ourselves(round_, (event.update,))
            return tuple(_fetches(state.me, round_, asked))
        case BlobChecked():
            key = (event.digest, event.size)
            ready = [work for work in works(round_) if needs(work, key)]
            return tuple(_aggregates(round_, ready)) if ready else ()
        case RoundOpened() | RoundReopened() | TaskClosed() | Reminded():
            return tuple(owed(state.me, round_))
        case ModelHeld():
            return (*_training(round_), *_aggregates(round_, works(round_)))
        case CandidateChosen(_, work) | CaseOpened(work):
            fetches = _fetches(state.me, round_, _asked_for(work))
            return (*fetches, *_aggregates(round_, (work,)))
        case UpdateFormed(said) | HeldFormed(said) | AttestationFormed(said):
            return (Broadcast(said),)
        case _:
            return ()


def owed(me: bytes, round_: Round) -> Iterator[Effect]:
    """All that is still owed in the round."""
    if not round_.base_here:
        yield _fetch_base(me, round_)
    yield from _training(round_)
    own = (round_.own if round_.trains else None, round_.own_list, round_.own_attestation)
    yield from (Broadcast(said) for said in own if said is not None)
    open_works = works(round_)
    pending = tuple(
        round_.updates[who] for who in sorted(round_.updates) if who not in round_.settled
    )
    asked = chain(*map(_asked_for, open_works), _asked_for_ourselves(round_, pending))
    yield from _fetches(me, round_, asked)
    yield from _aggregates(round_, open_works)


def needs(work: Candidate | Case, key: BlobKey) -> bool:
    return any(blob_key(update) == key for update in work.updates)


def is_training(round_: Round, number: int) -> bool:
    """Whether our own work in round `number` of the task is still awaited."""
    undone = round_.own is None and round_.lost is None
    return round_.trains and undone and number == round_.opened.round


def _training(round_: Round) -> Iterator[Train]:
    opened = round_.opened
    if round_.base_here and is_training(round_, opened.round):
        yield Train(opened.task, opened.round, opened.spec, opened.base, opened.seed)


# -- blobs -----------------------------------------------------------------------------------------


def _fetch_base(me: bytes, round_: Round) -> Fetch:
    opened = round_.opened
    # Whoever ranks high in this round is asked first, so the asking is spread over the rounds.
    sources = _without(me, (*opened.ranking, *opened.trainers))
    size = opened.spec.model_bytes
    return Fetch(opened.task, MODEL, opened.base, size, sources, opened.spec)


def _asked_for_ourselves(round_: Round, updates: Iterable[Update]) -> Iterator[Asked]:
    lists = tuple(round_.lists[holder] for holder in sorted(round_.lists))
    return ((update, lists) for update in updates)


def _asked_for(work: Candidate | Case) -> Iterator[Asked]:
    lists = work.lists if isinstance(work, Candidate) else work.judge.result.proof.lists
    return ((update, lists) for update in work.updates)


def _sources(update: Update, lists: Iterable[Held]) -> tuple[bytes, ...]:
    """The submitter, and whoever signed that it holds the update."""
    who = update.submitter
    return (
        who,
        *(
            held.holder
            for held in lists
            if any(other.submitter == who and is_same(other, update) for other in held.updates)
        ),
    )


def _fetches(me: bytes, round_: Round, asked: Iterable[Asked]) -> Iterator[Fetch]:
    """One asking for each blob that is not here, of all who may have it."""
    sources: dict[BlobKey, tuple[bytes, ...]] = {}
    for update, lists in asked:
        key = blob_key(update)
        if key not in round_.blobs:
            sources[key] = (*sources.get(key, ()), *_sources(update, lists))
    opened = round_.opened
    for (digest, size), members in sources.items():
        others = _without(me, members)
        yield Fetch(opened.task, UPDATE, digest, size, others, opened.spec)


def _without(me: bytes, members: Iterable[bytes]) -> tuple[bytes, ...]:
    """Each of the others once, in order."""
    return tuple(dict.fromkeys(member for member in members if member != me))


# -- aggregates ------------------------------------------------------------------------------------


def _aggregates(round_: Round, open_works: Iterable[Candidate | Case]) -> Iterator[Aggregate]:
    """One asking for each aggregate whose blobs are all here."""
    opened = round_.opened
    ready = {work.key: work for work in open_works if is_ready(round_, work)}
    for key, work in ready.items():
        credits_ = credits_of(work.updates)
        yield Aggregate(opened.task, opened.round, opened.spec, opened.base, key, credits_)

"""How each event changes what a node knows.

Total: an event of a task that is not open changes nothing, and nothing is asked of anybody.
"""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, assert_never

from immutables import Map
from msgspec.structs import replace

from meshkit.rounds.messages import (
    TWO_UPDATES,
    AggregateKnown,
    AttestationConflict,
    AttestationFormed,
    AttestationTaken,
    BlobChecked,
    BlobsLost,
    CandidateChosen,
    Case,
    CaseOpened,
    CollectingPutOff,
    EarlyKept,
    Event,
    Held,
    HeldConflict,
    HeldFormed,
    HeldRefused,
    HeldTaken,
    Judged,
    ModelHeld,
    Open,
    Reminded,
    ResultFormed,
    ResultRefused,
    RoundOpened,
    RoundReopened,
    TaskClosed,
    TaskForgotten,
    TrainingLost,
    Update,
    UpdateConflict,
    UpdateFormed,
    UpdateNoted,
    UpdateRefused,
)
from meshkit.rounds.state import (
    AGGREGATES_MAX,
    CASES_MAX,
    MS,
    UPDATE_BYTES,
    VERDICTS_MAX,
    BlobKey,
    Round,
    State,
    blob_key,
    early_key,
    has_model,
    has_quorum_of_lists,
    is_enough,
    list_bytes,
    pending,
    reason_of,
    repeat_at_ns,
    unseen,
    works,
)

# Where an event says which task it tells of; where nothing stands here, in itself. A table and no
# match, since it is looked up several times for each event of a journal.
_TASKS: dict[type, Callable[[Any], bytes]] = {
    **dict.fromkeys((RoundOpened, RoundReopened), attrgetter("opened.task")),
    **dict.fromkeys((UpdateFormed, UpdateNoted, UpdateRefused), attrgetter("update.task")),
    **dict.fromkeys((HeldFormed, HeldTaken, HeldRefused), attrgetter("held.task")),
    **dict.fromkeys((AttestationFormed, AttestationTaken), attrgetter("attestation.task")),
    **dict.fromkeys((UpdateConflict, HeldConflict, AttestationConflict), attrgetter("first.task")),
    **dict.fromkeys((ResultRefused, ResultFormed), attrgetter("result.task")),
    EarlyKept: attrgetter("statement.task"),
    CaseOpened: attrgetter("case.judge.result.task"),
}
_own_task: Callable[[Any], bytes] = attrgetter("task")


def task_of(event: Event) -> bytes:
    """The task that an event tells of."""
    return _TASKS.get(type(event), _own_task)(event)


def evolve(state: State, event: Event) -> State:
    task = task_of(event)
    before = state.rounds.get(task)
    if type(event) is RoundOpened:
        return _put(state, task, _opened(state.me, event.opened, event.at_ns, before))
    if before is None:
        return state
    if type(event) is TaskClosed:
        return _put(state, task, _closed(before, event.model, event.at_ns))
    if type(event) is TaskForgotten or (before.closing and type(event) is ModelHeld):
        return _put(state, task, None)
    return _put(state, task, evolved(state.me, before, event))


def _put(state: State, task: bytes, round_: Round | None) -> State:
    rounds = state.rounds.delete(task) if round_ is None else state.rounds.set(task, round_)
    return State(state.me, rounds)


def _opened(me: bytes, opened: Open, at_ns: int, before: Round | None) -> Round:
    base_here = before is not None and has_model(before, opened.base)
    return _enrolled(me, Round(opened, at_ns, base_here=base_here), opened, at_ns)


def _enrolled(me: bytes, round_: Round, opened: Open, at_ns: int) -> Round:
    """The round with these participants, and our place among them."""
    weights = Map({holder.id: holder.weight for holder in opened.validators})
    trains, validates = me in opened.trainers, me in weights
    works = trains or validates or not round_.base_here
    return replace(
        round_,
        opened=opened,
        trains=trains,
        validates=validates,
        rank=opened.ranking.index(me) if validates and me in opened.ranking else -1,
        weights=weights,
        total=sum(weights.values()),
        admitted=tuple(sorted({*round_.admitted, *opened.trainers})),
        repeats=0,
        repeat_ns=repeat_at_ns(at_ns, 0) if works else None,
    )


def _reopened(me: bytes, before: Round, opened: Open, at_ns: int) -> Round:
    """Statements outlast a change of who takes part; what was concluded from them does not."""
    kept = _enrolled(me, before, opened, at_ns)
    lists = Map({id_: before.lists[id_] for id_ in sorted(before.lists) if id_ in kept.weights})
    began_ns = before.opened_ns if before.opened.trainers else at_ns  # its time runs from the first
    kept = replace(
        kept,
        opened_ns=began_ns,
        own_attestation=None,
        lists=lists,
        lists_weight=sum(kept.weights[id_] for id_ in lists),
        attestations=Map(),
        collect_ns=None,
        void_ns=None,
        candidate=None,
        known=False,
        formed=False,
        offers=Map(),
        cases=(),
        verdicts=(),
    )
    return _timed(kept, at_ns)


def _closed(before: Round, model: bytes | None, at_ns: int) -> Round | None:
    """A finished task is like one more round that nobody works on: only its base is wanted."""
    if model is None or before.closing or has_model(before, model):
        return None
    opened = replace(
        before.opened, round=before.opened.round + 1, base=model, trainers=(), validators=()
    )
    return Round(opened, at_ns, closing=True, repeat_ns=repeat_at_ns(at_ns, 0))


def _timed(round_: Round, at_ns: int) -> Round:
    """Starts the clocks of what there is enough of now."""
    if not round_.quorum_ns and is_enough(round_):
        round_ = replace(round_, quorum_ns=at_ns)
    if round_.collect_ns is None and round_.rank >= 0 and has_quorum_of_lists(round_):
        turn_ns = at_ns + round_.rank * round_.opened.standby_ms * MS
        round_ = replace(round_, collect_ns=turn_ns)
    return round_


def _anew(round_: Round, at_ns: int) -> Round:
    """Something new is to be said: its repeats come fast at first."""
    return replace(round_, repeats=0, repeat_ns=repeat_at_ns(at_ns, 0))


def evolved(me: bytes, r: Round, event: Event) -> Round:
    """The round `r` after an event of it that neither opens nor closes one."""
    return _CHAPTERS.get(type(event), _collected)(me, r, event)


def _worked(
    me: bytes,
    r: Round,
    event: RoundReopened
    | ModelHeld
    | UpdateFormed
    | TrainingLost
    | HeldFormed
    | AttestationFormed
    | Reminded,
) -> Round:
    match event:
        case RoundReopened(opened, at_ns):
            return _reopened(me, r, opened, at_ns)
        case ModelHeld():
            works = r.trains or r.validates
            return replace(r, base_here=True, repeat_ns=r.repeat_ns if works else None)
        case UpdateFormed(update, at_ns):
            return _anew(replace(r, own=update), at_ns)
        case TrainingLost(_, _, reason):
            return replace(r, lost=reason)
        case HeldFormed(held, at_ns):
            return _anew(replace(r, own_list=held), at_ns)
        case AttestationFormed(attestation, at_ns):
            return _anew(replace(r, own_attestation=attestation), at_ns)
        case Reminded(_, repeats, at_ns):
            return replace(r, repeats=repeats, repeat_ns=repeat_at_ns(at_ns, repeats))
        case _:
            assert_never(event)


def _heard_of_updates(
    me: bytes, r: Round, event: UpdateNoted | UpdateRefused | UpdateConflict | BlobChecked
) -> Round:
    match event:
        case UpdateNoted():
            update = event.update
            who, key = update.submitter, blob_key(update)
            r = replace(
                _charged(r, who, UPDATE_BYTES + update.size),
                updates=r.updates.set(who, update),
                # What we trained ourselves lies in our store, and is as it should be.
                blobs=r.blobs.set(key, "") if who == me else r.blobs,
            )
            return _timed(_holding(r, key), event.at_ns) if r.blobs.get(key) == "" else r
        case BlobChecked():
            key = (event.digest, event.size)
            r = replace(r, blobs=r.blobs.set(key, event.problem))
            return _timed(_holding(r, key) if event.problem == "" else r, event.at_ns)
        case UpdateRefused(update, reason):
            who = update.submitter
            if who not in r.updates:
                r = replace(_charged(r, who, UPDATE_BYTES), updates=r.updates.set(who, update))
            return replace(r, settled=r.settled.set(who, reason))
        case UpdateConflict(_, second):
            who = second.submitter
            return replace(
                _charged(r, who, UPDATE_BYTES),
                rivals=r.rivals.set(who, second),
                settled=r.settled.set(who, TWO_UPDATES),
                held=r.held.delete(who) if who in r.held else r.held,
            )
        case _:
            assert_never(event)


def _holding(r: Round, key: BlobKey) -> Round:
    """With this blob, all the updates that it is."""
    for update in pending(r, key):
        who = update.submitter
        r = replace(r, settled=r.settled.set(who, ""), held=r.held.set(who, update))
    return r


def _charged(r: Round, who: bytes, cost_bytes: int) -> Round:
    return replace(r, kept_bytes=r.kept_bytes.set(who, r.kept_bytes.get(who, 0) + cost_bytes))


def _collected(_: bytes, r: Round, event: Event) -> Round:
    match event:
        case HeldTaken():
            held = event.held
            who = held.holder
            r = replace(
                _charged(r, who, list_bytes(held)),
                lists=r.lists.set(who, held),
                lists_weight=r.lists_weight + r.weights.get(who, 0),
            )
            return _timed(r, event.at_ns)
        case AttestationTaken():
            said = event.attestation
            return replace(r, attestations=r.attestations.set(said.member, said))
        case Judged():
            return _judged(r, event)
        case CaseOpened(case):
            return _case_opened(r, case)
        case HeldRefused(held) | HeldConflict(_, held):
            return replace(r, caught=r.caught.set(("held", held.holder), True))
        case AttestationConflict(_, said):
            return replace(r, caught=r.caught.set(("attestation", said.member), True))
        case EarlyKept(said):
            return _early(r, said)
        case CandidateChosen(_, candidate):
            return replace(r, candidate=candidate, void_ns=None)
        case CollectingPutOff(_, until_ns):
            return replace(r, void_ns=until_ns)
        case AggregateKnown(_, key, model):
            known = (*r.aggregates, (key, model))
            return replace(r, aggregates=known[-AGGREGATES_MAX:])
        case BlobsLost(_, key):
            return _lost(r, key)
        case ResultFormed():
            return replace(r, formed=True, known=True)
        case _:  # what is refused changes nothing else
            return r


# Of which part of the story an event is. A table, since to try one kind after another takes longer
# than to fold it; what is not here is collected.
_CHAPTERS: Mapping[type, Callable[[bytes, Round, Any], Round]] = {
    **dict.fromkeys((UpdateNoted, UpdateRefused, UpdateConflict, BlobChecked), _heard_of_updates),
    **dict.fromkeys((RoundReopened, ModelHeld, UpdateFormed, TrainingLost, HeldFormed), _worked),
    **dict.fromkeys((AttestationFormed, Reminded), _worked),
}


def _early(r: Round, said: Update | Held) -> Round:
    kind, who = early_key(said)
    cost_bytes = UPDATE_BYTES if isinstance(said, Update) else list_bytes(said)
    return replace(_charged(r, who, cost_bytes), early=r.early.set((kind, who), said))


def _case_opened(r: Round, case: Case) -> Round:
    others = _others(r.cases, case.judge.reference)
    if len(others) == len(r.cases):  # else it has been charged for already
        for update in unseen(r, case):
            r = _charged(r, update.submitter, update.size)
    r = _offered(r, case.judge.pooled, case.judge.result.collector, case.judge.reference)
    return replace(r, cases=(*others, case)[-CASES_MAX:])


def _lost(r: Round, key: bytes) -> Round:
    blobs = r.blobs
    for update in (update for work in works(r) if work.key == key for update in work.updates):
        lost = blob_key(update)
        blobs = blobs.delete(lost) if lost in blobs else blobs
    return replace(r, blobs=blobs, base_here=False)


def _others(cases: Iterable[Case], reference: bytes) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.judge.reference != reference)


def _offered(r: Round, pooled: bool, collector: bytes, reference: bytes) -> Round:
    return replace(r, offers=r.offers.set(collector, reference)) if pooled else r


def _judged(r: Round, event: Judged) -> Round:
    reference = event.reference
    r = _offered(r, event.pooled, event.collector, reference)
    if reason_of(r, reference) is None:
        r = replace(r, verdicts=(*r.verdicts, (reference, event.reason))[-VERDICTS_MAX:])
    return replace(
        r,
        cases=_others(r.cases, reference),
        known=r.known or (event.pooled and event.valid),
    )

"""What follows of itself: the rules that are tried after every event and at every deadline.

Each rule looks at the state and the moment alone, never at what has just arrived, so it does not
matter in which order statements, blobs and answers come in: the same set of them leads to the same
conclusions.
"""

from collections.abc import Sequence

from meshkit.rounds.inclusion import (
    ELSEWHERE,
    content,
    credits_of,
    flaw_of_update,
    grounds_of,
    included,
    key_of,
    says_same,
)
from meshkit.rounds.messages import (
    Attestation,
    AttestationFormed,
    Candidate,
    CandidateChosen,
    Case,
    CollectingPutOff,
    Event,
    Held,
    HeldFormed,
    Judge,
    Judged,
    Proof,
    Result,
    ResultFormed,
    ResultRefused,
    Update,
)
from meshkit.rounds.state import MS, Round, blob_key, hold_due_ns, model_of, reason_of


def next_events(me: bytes, round_: Round, now_ns: int) -> Sequence[Event]:
    """What follows next from the round as it stands; nothing, once all has been concluded."""
    return (
        _list(me, round_, now_ns)
        or _verdict(me, round_, now_ns)
        or _collect(round_, now_ns)
        or _attest(me, round_, now_ns)
        or _result(me, round_)
    )


# -- what we hold ----------------------------------------------------------------------------------


def _list(me: bytes, round_: Round, now_ns: int) -> Sequence[Event]:
    due_ns = hold_due_ns(round_)
    if due_ns is None or now_ns < due_ns:
        return ()
    opened = round_.opened
    named = tuple(update for who in opened.trainers for update in _named(round_, who))
    return (HeldFormed(Held(me, opened.task, opened.round, named), now_ns),)


def _named(round_: Round, who: bytes) -> Sequence[Update]:
    """What our list names of a trainer: what we hold, or the two updates that contradict.

    An update is held if the model that it adds to is, too: whatever counts, somebody can apply.
    """
    second = round_.rivals.get(who)
    if second is None:
        return (round_.held[who],) if round_.base_here and who in round_.held else ()
    pair = sorted((round_.updates[who], second), key=content)
    # Nobody honest names an update that could never count, so its like is no part of a list.
    return () if any(flaw_of_update(each, round_.opened.spec) for each in pair) else pair


# -- judging ---------------------------------------------------------------------------------------


def _verdict(me: bytes, round_: Round, now_ns: int) -> Sequence[Event]:
    for case in round_.cases:
        reason = _reason(round_, case)
        if reason is not None:
            return answer(me, round_, case.judge, reason, now_ns)
    return ()


def _reason(round_: Round, case: Case) -> str | None:
    """Why the result is not valid, "" if it is, None if that is not known yet."""
    for update in case.updates:
        if problem := round_.blobs.get(blob_key(update)):
            return f"includes an update that is {problem}"
    model = model_of(round_, case.key)
    return None if model is None else wrong_model(case.judge.result, model)


def wrong_model(result: Result, model: bytes) -> str:
    return "" if result.model == model else "makes another model of its credits"


def answer(me: bytes, round_: Round, judge: Judge, reason: str, now_ns: int) -> Sequence[Event]:
    """The answer to `judge`, and what it means: evidence, or that we attest to the result."""
    made = judge.result
    valid = not reason
    judged = Judged(
        judge.reference, made.task, made.round, made.collector, judge.pooled, valid, reason
    )
    if not valid:
        silent = reason == ELSEWHERE or reason_of(round_, judge.reference) is not None
        return (judged,) if silent else (judged, ResultRefused(made, reason))
    silent = round_.own_attestation is None and not round_.known
    if judge.pooled and silent and 0 <= round_.rank < round_.opened.committee:
        grounds = grounds_of(made.proof.lists, round_.opened)
        attestation = Attestation(me, made.task, made.round, grounds, made.model)
        return (judged, AttestationFormed(attestation, now_ns))
    return (judged,)


# -- collecting ------------------------------------------------------------------------------------


def _collect(round_: Round, now_ns: int) -> Sequence[Event]:
    """Our turn has come: the lists at hand become a candidate, if anything in them counts."""
    turn_ns = round_.collect_ns
    if turn_ns is None or now_ns < turn_ns or round_.known or round_.candidate is not None:
        return ()
    opened, void_ns = round_.opened, round_.void_ns
    lists = tuple(round_.lists[holder] for holder in sorted(round_.lists))
    updates = included(lists, opened.validators, opened.trainers)
    all_said = len(lists) == len(opened.validators)
    if updates or all_said or (void_ns is not None and void_ns <= now_ns):
        return (CandidateChosen(opened.task, Candidate(lists, updates, key_of(updates))),)
    if void_ns is None:
        return (CollectingPutOff(opened.task, now_ns + opened.spec.deadline_ms * MS),)
    return ()


def _attest(me: bytes, round_: Round, now_ns: int) -> Sequence[Event]:
    """Our candidate's model is known: we sign that, and it comes back to us with its signature."""
    candidate = _live_candidate(round_)
    if candidate is None or round_.own_attestation is not None:
        return ()
    model = _model(round_, candidate)
    if model is None:
        return ()
    opened = round_.opened
    grounds = grounds_of(candidate.lists, opened)
    attestation = Attestation(me, opened.task, opened.round, grounds, model)
    return (AttestationFormed(attestation, now_ns),)


def _result(me: bytes, round_: Round) -> Sequence[Event]:
    """The result is formed once our own attestation is signed, with those of others that agree."""
    candidate, own = _live_candidate(round_), round_.attestations.get(me)
    if candidate is None or own is None:
        return ()
    opened = round_.opened
    said = (round_.attestations[member] for member in sorted(round_.attestations))
    proof = Proof(candidate.lists, tuple(each for each in said if says_same(each, own)))
    counted = credits_of(candidate.updates)
    result = Result(me, opened.task, opened.round, opened.base, own.model, counted, proof)
    return (ResultFormed(result),)


def _live_candidate(round_: Round) -> Candidate | None:
    """Our candidate, unless some result has made it needless."""
    return None if round_.known else round_.candidate


def _model(round_: Round, candidate: Candidate) -> bytes | None:
    """Where nothing counts the model stays as it is, so that no round ever sticks."""
    return model_of(round_, candidate.key) if candidate.updates else round_.opened.base

"""What a validator makes of a statement it hears: takes it, refuses it by name, or keeps evidence.

Whoever brings a statement, its own signature counts, and that has been verified. Each member is
heard once in a round with each kind of statement; a second one that says something else is kept as
evidence, a third is dropped. Of the round after the open one, one statement of a kind is kept for
each member: its node has seen the next block a moment before us.

A list is also news: the updates it names are noted as if their submitters had sent them, so that
what one validator holds all others soon hold, or know to be two-faced.
"""

from collections.abc import Sequence
from typing import assert_never

from meshkit.rounds.fold import evolved
from meshkit.rounds.inclusion import (
    STRANGER,
    flaw_of_list,
    flaw_of_update,
    is_same,
    says_same,
)
from meshkit.rounds.messages import (
    OVER_QUOTA,
    Attestation,
    AttestationConflict,
    AttestationTaken,
    EarlyKept,
    Event,
    Held,
    HeldConflict,
    HeldRefused,
    HeldTaken,
    Update,
    UpdateConflict,
    UpdateNoted,
    UpdateRefused,
)
from meshkit.rounds.state import UPDATE_BYTES, Round, blob_key, early_key, has_room, list_bytes


def hear(me: bytes, r: Round, said: Update | Held | Attestation, now_ns: int) -> Sequence[Event]:
    """What a statement of the task of `r` brings."""
    if not r.validates:
        return ()
    if said.round == r.opened.round + 1 and not isinstance(said, Attestation):
        return _hear_early(r, said)
    if said.round != r.opened.round:
        return ()
    match said:
        case Update():
            return _hear_update(r, said, now_ns)
        case Held():
            return _hear_list(me, r, said, now_ns)
        case Attestation():
            return _hear_attestation(me, r, said)
        case _:
            assert_never(said)


def _hear_update(r: Round, said: Update, now_ns: int) -> Sequence[Event]:
    who = said.submitter
    first = r.updates.get(who)
    if first is not None:
        fresh = who not in r.rivals and not is_same(first, said)
        return (UpdateConflict(first, said),) if fresh else ()
    if who not in r.opened.trainers:
        return ()
    if flaw := flaw_of_update(said, r.opened.spec):
        return (UpdateRefused(said, flaw),)
    if not has_room(r, who, UPDATE_BYTES + said.size):
        return (UpdateRefused(said, OVER_QUOTA),)
    noted = UpdateNoted(said, now_ns)
    problem = r.blobs.get(blob_key(said))
    return (noted, UpdateRefused(said, problem)) if problem else (noted,)


def _hear_list(me: bytes, r: Round, said: Held, now_ns: int) -> Sequence[Event]:
    who = said.holder
    first, caught = r.lists.get(who), ("held", who) in r.caught
    if who not in r.weights or (first is not None and first.updates == said.updates):
        return ()
    if first is not None:
        return () if caught else (HeldConflict(first, said),)
    if flaw := flaw_of_list(said, r.opened.round, r.opened.spec, r.admitted):
        # Of a trainer that we do not know its holder may have learnt a block before us.
        return () if caught or flaw == STRANGER else (HeldRefused(said, flaw),)
    if not has_room(r, who, list_bytes(said)):
        return ()
    found: list[Event] = [HeldTaken(said, now_ns)]
    news = [update for update in said.updates if r.updates.get(update.submitter) != update]
    if not news:
        return found
    r = evolved(me, r, found[0])
    for update in news:
        for event in _hear_update(r, update, now_ns):
            found.append(event)
            r = evolved(me, r, event)
    return found


def _hear_attestation(me: bytes, r: Round, said: Attestation) -> Sequence[Event]:
    who = said.member
    if who == me and (r.own_attestation is None or not says_same(r.own_attestation, said)):
        return ()  # an echo from before the participants changed
    first = r.attestations.get(who)
    if who in r.weights and first is None:
        return (AttestationTaken(said),)
    caught = ("attestation", who) in r.caught
    if first is None or caught or first.lists != said.lists or first.model == said.model:
        return ()
    return (AttestationConflict(first, said),)


def _hear_early(r: Round, said: Update | Held) -> Sequence[Event]:
    if early_key(said) in r.early:
        return ()
    if isinstance(said, Update):
        who, cost_bytes = said.submitter, UPDATE_BYTES
        proper = who in r.opened.trainers and not flaw_of_update(said, r.opened.spec)
    else:
        who, cost_bytes = said.holder, list_bytes(said)
        spec, admitted = r.opened.spec, r.admitted
        proper = who in r.weights and not flaw_of_list(said, said.round, spec, admitted)
    return (EarlyKept(said),) if proper and has_room(r, who, cost_bytes) else ()

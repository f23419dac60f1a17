"""From one view to the next: what was prepared, how a view may begin, and whether it did.

All of it is pure and in plain values, so that anyone can hold a primary to it. After "Practical
Byzantine Fault Tolerance and Proactive Recovery" (Castro, Liskov, 2002), section 4.4 of the 1999
paper, with signatures:

* A *prepared proof* is the primary's assignment and the word of distinct backups, who with the
  primary weigh a quorum. Each is checked by itself: nothing in one counts for another, and one that
  is wrong voids the message that carries it and no other (P9).
* A *view change* shows the stable checkpoint that a replica rests on, with its proof, and one
  prepared proof for each height above it that the replica knows one of.
* A *new view* rests on the view changes V of a quorum. What it must decide follows from V alone,
  all of V: from the highest stable checkpoint to the highest prepared height, at each height the
  value that was prepared in the latest view, or nothing (`nulls`). Whoever hears it works this out
  afresh and compares (P10, P11).

If a value was decided at a height in an earlier view, a quorum had prepared it there, and V holds
the view change of an honest one of them: so it is chosen again, unless it lies below the stable
checkpoint. The other way round: where nothing was prepared nothing was decided, and the primary of
the new view may propose there what it likes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from immutables import Map

from meshkit.consensus.messages import NIL, Validator
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    NewView,
    PreparedProof,
    PrePrepare,
    ViewChange,
)

NONE: Map[bytes, ViewChange] = Map()


class Replicas(NamedTuple):
    """Who decides, since which height, what is a quorum of them, and how far a log may reach."""

    since: int
    validators: tuple[Validator, ...]  # sorted by id
    weights: Map[bytes, int]
    quorum: int
    window: int  # heights above the stable checkpoint: the paper's L


def primary(validators: Sequence[Validator], since: int, view: int) -> bytes:
    """The paper's v mod n, from a start that moves with the set: who died is not always first."""
    return validators[(view + since - 1) % len(validators)].id


def is_proof(proof: PreparedProof, replicas: Replicas) -> bool:
    """Whether a value was prepared: the primary's own Prepare never counts (P4)."""
    said, weights = proof.pre_prepare, replicas.weights
    leader = primary(replicas.validators, replicas.since, said.view)
    if said.proposer != leader or said.value_id == NIL or said.value is not None:
        return False
    weight, last = weights[leader], b""
    for vote in proof.prepares:
        alike = (vote.view, vote.height, vote.value_id) == (said.view, said.height, said.value_id)
        fresh = vote.voter > last and vote.voter in weights and vote.voter != leader
        if not (alike and fresh):
            return False
        weight, last = weight + weights[vote.voter], vote.voter
    return weight >= replicas.quorum


def is_stable(votes: Sequence[Checkpoint], height: int, replicas: Replicas) -> bool:
    """Whether a quorum of distinct replicas took the same checkpoint at `height`."""
    weight, last = 0, b""
    for vote in votes:
        alike = (vote.height, vote.digest) == (height, votes[0].digest)
        if not alike or vote.voter <= last or vote.voter not in replicas.weights:
            return False
        weight, last = weight + replicas.weights[vote.voter], vote.voter
    return weight >= replicas.quorum


def is_change(change: ViewChange, replicas: Replicas) -> bool:
    """Whether a view change is in proper form, with everything it rests on.

    The height before the set's first needs no proof: nobody is in this set who has not decided it.
    """
    base = replicas.since - 1
    if change.since != replicas.since or change.view < 1 or change.voter not in replicas.weights:
        return False
    if change.stable < base or len(change.prepared) > replicas.window:
        return False
    if change.stable == base:
        if change.checkpoints:
            return False
    elif not is_stable(change.checkpoints, change.stable, replicas):
        return False
    last = change.stable
    for proof in change.prepared:
        said = proof.pre_prepare
        in_order = last < said.height <= change.stable + replicas.window
        if not in_order or said.view >= change.view or not is_proof(proof, replicas):
            return False
        last = said.height
    return True


def reach(change: ViewChange) -> int:
    """The last height that is decided if this view change is true."""
    prepared = change.prepared[-1].pre_prepare.height - 1 if change.prepared else 0
    return max(change.stable, prepared)


class Outcome(NamedTuple):
    """What follows from V: the highest stable checkpoint in it, and what to decide above."""

    stable: int
    checkpoints: tuple[Checkpoint, ...]
    chosen: tuple[tuple[int, bytes], ...]  # heights and values
    nulls: tuple[int, ...]


def outcome(changes: Sequence[ViewChange]) -> Outcome:
    """What a view must begin with that rests on these, and on no subset of them."""
    highest = max(changes, key=lambda change: change.stable)
    latest: dict[int, PrePrepare] = {}
    for change in changes:
        for proof in change.prepared:
            said = proof.pre_prepare
            known = latest.get(said.height)
            if said.height > highest.stable and (known is None or said.view > known.view):
                latest[said.height] = said
    heights = range(highest.stable + 1, max(latest, default=0) + 1)
    return Outcome(
        highest.stable,
        highest.checkpoints,
        tuple([(height, latest[height].value_id) for height in heights if height in latest]),
        tuple([height for height in heights if height not in latest]),
    )


def compose(view: int, changes: Sequence[ViewChange], me: bytes, replicas: Replicas) -> NewView:
    """The beginning of our view, not signed yet."""
    must = outcome(changes)
    chosen = tuple([PrePrepare(view, height, value_id, me) for height, value_id in must.chosen])
    return NewView(replicas.since, view, tuple(changes), chosen, must.nulls, me)


def is_new_view(
    new_view: NewView, replicas: Replicas, known: Map[bytes, ViewChange] = NONE
) -> bool:
    """Whether a view begins in proper form; the view changes in `known` were checked before."""
    view, changes = new_view.view, new_view.changes
    leader = primary(replicas.validators, replicas.since, view)
    if new_view.since != replicas.since or new_view.proposer != leader:
        return False
    weight, last = 0, b""
    for change in changes:
        if change.view != view or change.voter <= last:
            return False
        if known.get(change.voter) != change and not is_change(change, replicas):
            return False
        weight, last = weight + replicas.weights[change.voter], change.voter
    return weight >= replicas.quorum and _begins_as_it_must(new_view)


def _begins_as_it_must(new_view: NewView) -> bool:
    must = outcome(new_view.changes)
    chosen = tuple([(said.height, said.value_id) for said in new_view.chosen])
    ours = all(
        (said.view, said.proposer, said.value) == (new_view.view, new_view.proposer, None)
        for said in new_view.chosen
    )
    return ours and (chosen, new_view.nulls) == (must.chosen, must.nulls)

"""Which updates count, and whether a result follows from its proof: arithmetic over signed lists.

Every validator signs one list of the updates it holds. Whoever has lists of more than two thirds
of the validators' weight can name the round's outcome:

    an update counts if lists of more than one third of the whole weight name it,
    unless the lists hold two different updates of its submitter.

Let the liars have at most a third of the weight. Then

*   nobody is censored: of more than two thirds, the liars are at most one third, so honest lists
    of more than one third remain; if each of them names an update, it counts;
*   nothing counts that only liars hold: more than a third names it, so somebody honest does, and
    it had the blob, found it valid, and had the model that it adds to. Whoever judges can get both
    there, and so a task whose first model its giver lost ends, its rounds empty.

This is the availability certificate of Narwhal (Danezis et al. 2022, section 3: a quorum of
signatures says that some honest validator stores it), used the other way round: not the author
gathers the signatures of one update, but each validator signs all it has at once. And it is the
common subset of HoneyBadgerBFT (Miller et al. 2016, section 4.4) without its agreement on each
bit: two collectors may hear different lists, and their results differ, but each follows from its
proof, and consensus picks one.

How many different updates of one liar can different results include? Each has an honest holder
whose list every other result leaves out, and a result leaves out less than a third of the weight:
with 3f + 1 equal validators f + 1 at most. So a quota on what one member makes others store must
count what is fetched to judge a result, too.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from meshkit.core.value import digest
from meshkit.rounds.messages import (
    MALFORMED,
    OVER_CAP,
    OVERSIZED,
    Attestation,
    Counted,
    Held,
    Holder,
    Open,
    Result,
    Spec,
    Update,
)

Content: TypeAlias = tuple[bytes, int, int, int, int]

ELSEWHERE = "was made among other participants"
STRANGER = "names an update of no trainer"
NOT_MEASURED, MILLION = -1, 1_000_000  # an accuracy is none, or from 0 to a million millionths
OF_ONE_MAX = 2  # updates of one submitter in a list: two are proof enough that neither counts


def is_quorum(part: int, total: int) -> bool:
    """More than two thirds: any two such parts share more than a third."""
    return 3 * part > 2 * total


def is_honest(part: int, total: int) -> bool:
    """More than one third: somebody in it is honest."""
    return 3 * part > total


def content(update: Update) -> Content:
    """What the submitter says: all that distinguishes its updates of one round.

    The signature is left out, for a liar can sign the same thing in many ways.
    """
    return (
        update.blob,
        update.size,
        update.samples,
        update.accuracy_ppm,
        update.loss_micro,
    )


def is_same(first: Update, second: Update) -> bool:
    """Whether two updates of one submitter and round say the same."""
    return first == second or content(first) == content(second)


def included(
    lists: Iterable[Held], validators: Iterable[Holder], trainers: Iterable[bytes]
) -> tuple[Update, ...]:
    """The updates that count, sorted by submitter. The lists are of different validators.

    A member that is no trainer any more counts for nothing, even where lists still name it.
    """
    weights = {holder.id: holder.weight for holder in validators}
    total = sum(weights.values())
    first: dict[bytes, Update] = {}
    named: dict[bytes, int] = {}
    two_faced: set[bytes] = set()
    for held in lists:
        weight = weights[held.holder]
        for update in held.updates:
            submitter = update.submitter
            known = first.setdefault(submitter, update)
            if known is update or is_same(known, update):
                named[submitter] = named.get(submitter, 0) + weight
            else:
                two_faced.add(submitter)
    current = frozenset(trainers)
    return tuple(
        first[submitter]
        for submitter in sorted(named)
        if is_honest(named[submitter], total)
        and submitter in current
        and submitter not in two_faced
    )


def credits_of(updates: Iterable[Update]) -> tuple[Counted, ...]:
    """The updates as a result names them, in the same order."""
    return tuple(Counted(update.submitter, update.blob, update.samples) for update in updates)


def key_of(updates: Iterable[Update]) -> bytes:
    """The name of an aggregate within its round: the digest of the credits it is made of."""
    return digest(credits_of(updates))


# -- the form of statements: what no honest node would sign ----------------------------------------


def flaw_of_update(update: Update, spec: Spec) -> str:
    """Why the update cannot count, whatever its blob holds; empty if it can."""
    if update.samples > spec.samples_max:
        return OVER_CAP
    if update.size > spec.update_bytes:
        return OVERSIZED
    if update.samples < 1 or update.size < spec.update_bytes:
        return MALFORMED  # whoever has the blob would hold it, and nobody else could fetch it
    if not NOT_MEASURED <= update.accuracy_ppm <= MILLION:
        return MALFORMED
    return ""


def flaw_of_list(held: Held, round_number: int, spec: Spec, admitted: Iterable[bytes]) -> str:
    """Why no honest validator signs this list in this round; empty if one may.

    `admitted` are all who were trainers in this round at any time.
    """
    members = frozenset(admitted)
    last: Update | None = None
    of_one = 0
    for update in held.updates:
        submitter = update.submitter
        if update.task != held.task or update.round != round_number:
            return "names an update of another round"
        if submitter not in members:
            return STRANGER
        if flaw := flaw_of_update(update, spec):
            return f"names an update that is {flaw}"
        if last is None or submitter > last.submitter:
            of_one = 1
        elif submitter < last.submitter or content(update) <= content(last):
            return "is not in order"
        else:
            of_one += 1
        if of_one > OF_ONE_MAX:
            return "names three updates of one trainer"
        last = update
    return ""


# -- the form of results ---------------------------------------------------------------------------


def fault_of_result(result: Result, opened: Open, admitted: Sequence[bytes]) -> str:
    """Why the result does not follow from its proof, as far as can be told without its blobs.

    ELSEWHERE is no fault of its collector's, if it knew of another set of participants.
    """
    lists = result.proof.lists
    own = [said for said in result.proof.attestations if said.member == result.collector]
    if not own:
        return "lacks its collector's own attestation"
    if own[0].lists != grounds_of(lists, opened):
        return ELSEWHERE
    if result.base != opened.base:
        return "starts from another model"
    if fault := _fault_of_lists(lists, opened, admitted):
        return fault
    counted = included(lists, opened.validators, opened.trainers)
    if result.credits != credits_of(counted):
        return "credits other updates than the lists include"
    if not counted and result.model != result.base:
        return "makes a new model of nothing"
    return _fault_of_attestations(result, opened)


def _fault_of_lists(lists: Sequence[Held], opened: Open, admitted: Sequence[bytes]) -> str:
    weights = {holder.id: holder.weight for holder in opened.validators}
    part, last = 0, b""
    for held in lists:
        if held.task != opened.task or held.round != opened.round:
            return "has a list of another round"
        if held.holder not in weights:
            return "has a list of no validator"
        if held.holder <= last:
            return "has its lists out of order, or one twice"
        if flaw := flaw_of_list(held, opened.round, opened.spec, admitted):
            return f"has a list that {flaw}"
        part, last = part + weights[held.holder], held.holder
    if not is_quorum(part, sum(weights.values())):
        return "has lists of two thirds of the weight or less"
    return ""


def _fault_of_attestations(result: Result, opened: Open) -> str:
    members = frozenset(holder.id for holder in opened.validators)
    grounds, last = grounds_of(result.proof.lists, opened), b""
    for attestation in result.proof.attestations:
        if attestation.member not in members:
            return "has an attestation of no validator"
        if attestation.member <= last:
            return "has its attestations out of order, or one twice"
        if not attests(attestation, result, grounds):
            return "has an attestation to something else"
        last = attestation.member
    return ""


def grounds_of(lists: Iterable[Held], opened: Open) -> bytes:
    """What an attestation is to: these lists, among these participants.

    The lists alone do not settle the model, for who takes part may change amid a round, and then
    other updates count: nobody honest may be caught saying two things. And whoever is a block
    ahead of us, or behind, makes a result that would be wrong if it were made here.
    """
    return digest((tuple(lists), opened.trainers, opened.validators))


def attests(attestation: Attestation, result: Result, grounds: bytes) -> bool:
    """Whether the attestation is to this result, made on these grounds."""
    said = (attestation.task, attestation.round, attestation.lists, attestation.model)
    return said == (result.task, result.round, grounds, result.model)


def says_same(first: Attestation, second: Attestation) -> bool:
    """Whether two attestations of one round say the same, whoever says it."""
    return (first.lists, first.model) == (second.lists, second.model)

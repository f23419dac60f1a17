"""What an event says of a round, in words: the sentences that a story is made of.

A fact stands in a scope: a round of the task, or a height, whose votes and proposals decide a
round. The same fact in several journals is told once. A fact that convicts somebody carries the
statements that he signed.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from meshkit.audit.words import count, ref, refs, short
from meshkit.consensus.account import Deed, Said, TurnBegun, ValueFound
from meshkit.consensus.engines import deed_of, said_by
from meshkit.consensus.messages import Decided, EquivocationSeen, ProposalTaken
from meshkit.core.value import Statement
from meshkit.ledger import messages as ledger
from meshkit.rounds import messages as rounds

WRONG_RESULT = "wrong-result"
WRONG_PROPOSAL = "wrong-proposal"

Scope: TypeAlias = tuple[Literal["round", "height"], int]


class Fact(NamedTuple):
    """`who` did or said it; `key` tells it from others of its kind in its scope."""

    scope: Scope
    kind: str
    who: bytes
    what: str
    key: tuple[Any, ...] = ()
    proof: tuple[Statement, ...] = ()
    crime: str = ""  # what the proof convicts `who` of; empty where it convicts nobody


def facts_of(node: bytes, task: bytes, event: Any) -> Iterator[Fact]:
    """What one event in the journal of `node` says of `task` or of a height."""
    if isinstance(event, Decided | ProposalTaken):
        yield from _of_height(event)
    elif isinstance(event, EquivocationSeen):
        yield from _equivocation(event)
    elif (deed := deed_of(event)) is not None:
        yield from _of_engine(node, deed)
    elif _task(event) == task:
        yield from _of_ledger(event) if event.__class__ in _LEDGER else _of_round(node, event)


_LEDGER = frozenset(
    {
        ledger.TaskOpened, ledger.RoundOpened, ledger.RoundCommitted, ledger.TaskFinished,
        ledger.TaskCancelled,
    }
)  # fmt: skip


def _task(event: Any) -> bytes | None:
    """The task that an event is about, whichever machine's it is."""
    match event:
        case ledger.TaskOpened(id_):
            return id_
        case rounds.RoundOpened(opened) | rounds.RoundReopened(opened):
            return opened.task
        case rounds.ResultFormed(result) | rounds.ResultRefused(result):
            return result.task
        case rounds.CaseOpened(case):
            return case.judge.result.task
        case _:
            first = getattr(event, event.__struct_fields__[0], None) if _has_fields(event) else None
            return getattr(event, "task", None) or getattr(first, "task", None)


def _has_fields(event: Any) -> bool:
    return bool(event.__struct_fields__)


# -- heights ---------------------------------------------------------------------------------------


def _of_height(event: Decided | ProposalTaken) -> Iterator[Fact]:
    match event:
        case ProposalTaken(height, number, value_id, proposer, value):
            items = len(value.items) if isinstance(value, ledger.Block) else 0
            what = f"proposes {short(value_id)}, {count(items, 'item')}, in round {number}"
            yield Fact(("height", height), "proposal", proposer, what, (number, value_id))
        case Decided(certificate):
            said = [said_by(vote) for vote in certificate.votes]
            voters = refs(each.signer for each in said if each is not None)
            what = f"is decided: {short(certificate.value_id)} in round {certificate.round}"
            if said:  # an engine that attests nothing shows no votes
                what += f", by the votes of {voters}"
            scope: Scope = ("height", certificate.height)
            yield Fact(scope, "decision", b"", what, (certificate.value_id,))


def _of_engine(node: bytes, deed: Deed) -> Iterator[Fact]:
    match deed:
        case Said(kind="vote"):
            value = short(deed.value_id) if deed.value_id else "nil"
            key = (deed.turn, deed.name, deed.value_id)
            what = f"{deed.deed} {value} in round {deed.turn}"
            yield Fact(("height", deed.height), "vote", deed.signer, what, key)
        case ValueFound(height, value_id, valid):
            what = f"finds {short(value_id)} {'right' if valid else 'wrong'}"
            yield Fact(("height", height), "judgement", node, what, (value_id, valid))
        case TurnBegun(int() as height, number, word) if number > 0:
            what = f"starts {word} {number} of the height"
            yield Fact(("height", height), "next-round", node, what, (number,))
        case _:
            return


def _equivocation(event: EquivocationSeen) -> Iterator[Fact]:
    said = said_by(event.first)
    if said is None:
        return
    name = said.name.lower()
    what = f"signed two {name}s in round {said.turn} of height {said.height}"
    crime = f"double-{said.kind}"
    yield _pair(("height", said.height), event.culprit, what, crime, event.first, event.second)


def _pair(
    scope: Scope, culprit: bytes, what: str, crime: str, first: Statement, second: Statement
) -> Fact:
    """Two statements that exclude each other: one pair of a kind and place tells it all."""
    return Fact(scope, "evidence", culprit, what, (crime,), (first, second), crime)


# -- the ledger ------------------------------------------------------------------------------------


def _of_ledger(event: Any) -> Iterator[Fact]:
    match event:
        case ledger.RoundOpened(_, number, base):
            yield Fact(("round", number), "opened", b"", f"opens from the model {short(base)}")
        case ledger.RoundCommitted(_, number, model, credits_):
            counted = ", ".join(f"{ref(c.submitter)} ({c.samples})" for c in credits_) or "nothing"
            what = f"is committed: the model {short(model)}, of {counted}"
            yield Fact(("round", number), "committed", b"", what)
        case _:
            return


# -- rounds ----------------------------------------------------------------------------------------


def _of_round(node: bytes, event: Any) -> Iterator[Fact]:
    match event:
        case rounds.RoundOpened(opened) | rounds.RoundReopened(opened):
            members = refs(opened.ranking[: opened.committee])
            what = f"has the committee {members}; {count(len(opened.trainers), 'trainer')}"
            yield Fact(("round", opened.round), "committee", b"", what, (members,))
        case rounds.UpdateFormed(update):
            what = f"has trained on {count(update.samples, 'sample')}: update {short(update.blob)}"
            yield Fact(("round", update.round), "trained", node, what, (update.blob,))
        case rounds.TrainingLost(_, number, reason):
            yield Fact(("round", number), "lost", node, f"did not train: {reason}", (reason,))
        case rounds.UpdateNoted(update):
            what = f"submits {_update(update)}"
            yield Fact(("round", update.round), "update", update.submitter, what, (update.blob,))
        case rounds.UpdateRefused() | rounds.UpdateConflict():
            yield _bad_update(event)
        case rounds.HeldFormed() | rounds.HeldTaken() | rounds.HeldRefused():
            yield _list(event)
        case rounds.HeldConflict(first, second):
            what, crime = "signed two lists of what it holds", "two-lists"
            yield _pair(("round", first.round), first.holder, what, crime, first, second)
        case _:
            yield from _of_result(node, event)


def _update(update: rounds.Update) -> str:
    return f"update {short(update.blob)} of {count(update.samples, 'sample')}"


def _bad_update(event: rounds.UpdateRefused | rounds.UpdateConflict) -> Fact:
    match event:
        case rounds.UpdateRefused(update, reason):
            what = f"{_update(update)} is refused: {reason}"
            key = (update.blob, update.samples, reason)
            scope: Scope = ("round", update.round)
            return Fact(scope, "evidence", update.submitter, what, key, (update,), reason)
        case rounds.UpdateConflict(first, second):
            what = f"signed two updates: {_update(first)}, and {_update(second)}"
            scope = ("round", first.round)
            return _pair(scope, first.submitter, what, rounds.TWO_UPDATES, first, second)


def _list(event: rounds.HeldFormed | rounds.HeldTaken | rounds.HeldRefused) -> Fact:
    held = event.held
    scope: Scope = ("round", held.round)
    key = tuple((update.submitter, update.blob, update.samples) for update in held.updates)
    if isinstance(event, rounds.HeldRefused):
        what, crime = f"its list {event.reason}", "improper-list"
        return Fact(scope, "evidence", held.holder, what, (key, event.reason), (held,), crime)
    what = f"lists what it holds: {refs(update.submitter for update in held.updates)}"
    return Fact(scope, "list", held.holder, what, key)


def _of_result(node: bytes, event: Any) -> Iterator[Fact]:
    match event:
        case rounds.AttestationFormed(said) | rounds.AttestationTaken(said):
            what = f"attests the model {short(said.model)}"
            key = (said.lists, said.model)
            yield Fact(("round", said.round), "attestation", said.member, what, key)
        case rounds.AttestationConflict(first, second):
            what, crime = "attested two models of the same lists", "two-attestations"
            yield _pair(("round", first.round), first.member, what, crime, first, second)
        case rounds.ResultFormed(result):
            holders = refs(held.holder for held in result.proof.lists)
            what = (
                f"collects the lists of {holders}: {count(len(result.credits), 'update')}, "
                f"the model {short(result.model)}"
            )
            yield Fact(("round", result.round), "result", node, what, (result.model, holders))
        case rounds.Judged(reference, _, number, collector, _, valid, reason):
            verdict = "right" if valid else f"wrong: it {reason}"
            what = f"finds the result of {ref(collector)} {verdict}"
            yield Fact(("round", number), "verdict", node, what, (reference, valid))
        case rounds.ResultRefused(result, reason):
            what = f"its result, the model {short(result.model)}, {reason}"
            yield _wrong_result(result, what, reason)
        case _:
            return


def _wrong_result(result: rounds.Result, what: str, reason: str) -> Fact:
    """The collector's own attestation is in it; its signature on the whole is in the item."""
    own = (said for said in result.proof.attestations if said.member == result.collector)
    key = (result.model, result.credits, reason)
    scope: Scope = ("round", result.round)
    return Fact(scope, "evidence", result.collector, what, key, tuple(own), WRONG_RESULT)

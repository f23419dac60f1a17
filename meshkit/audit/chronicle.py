"""What the mesh decided, height by height: agreed, proved, allowed, and computed again.

The chronicle is walked from the genesis alone. Each block changes the validators that decide the
next, so every certificate is held against the set of *its* height (a chain of trust as in light
clients); every item is held against the rules and its signers, every round's credits against the
lists that they are to follow from, and every aggregate is recomputed from the updates' bytes. What
journals say of it is compared, and nothing of it is believed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from meshkit.audit.causes import fault_of_statements
from meshkit.audit.findings import Findings, Kind, Note
from meshkit.audit.shelves import Absent, Shelves
from meshkit.audit.trial import Decision, Deposition
from meshkit.audit.words import ref, refs, short
from meshkit.consensus.certificate import stands, weights_of
from meshkit.consensus.engines import ENGINES
from meshkit.consensus.messages import Validator
from meshkit.core.machine import Moment
from meshkit.core.value import Statement, digest
from meshkit.learning import Refused
from meshkit.ledger import Ledger
from meshkit.ledger.messages import (
    Apply,
    Block,
    Founded,
    Genesis,
    RoundCommitted,
    RoundOpened,
    RoundResult,
)
from meshkit.ledger.state import State as Book
from meshkit.ledger.state import evolve, running, trainers, validators
from meshkit.node import conflicts, opening, result_of
from meshkit.rounds.inclusion import fault_of_result
from meshkit.rounds.messages import Counted

NOWHERE = Moment(0, 0)  # the ledger looks at no clock
Votes = Callable[[int], Iterator[Statement]]


class Verified(NamedTuple):
    """How much of it there was."""

    certificates: int
    aggregates: int
    height: int


class Chronicle:
    """The walk. `votes` are those of a height that anybody holds, to tell who broke it."""

    def __init__(
        self,
        genesis: Genesis,
        depositions: Sequence[Deposition],
        shelves: Shelves,
        votes: Votes,
        findings: Findings,
        notes: list[Note],
    ) -> None:
        self._mesh = digest(genesis)
        self._engine = ENGINES[genesis.policy.engine]
        self._depositions = depositions
        self._shelves = shelves
        self._votes = votes
        self._findings = findings
        self._notes = notes
        self._ledger = Ledger(conflicts)
        self._book: Book = evolve(Book(), Founded(genesis))
        self._admitted: dict[bytes, frozenset[bytes]] = {}
        self._certificates = self._aggregates = 0

    def walk(self) -> Verified:
        """From the first height to the last that any journal knows."""
        last = max((max(one.decisions, default=0) for one in self._depositions), default=0)
        for height in range(1, last + 1):
            found = [one.decisions[height] for one in self._depositions if height in one.decisions]
            decision = self._agreed(height, found) if found else None
            if decision is None:
                what = f"nothing at hand proves what was decided at height {height}, of {last}"
                self._notes.append(Note(b"", 0, what))
                break
            self._apply(decision)
        return Verified(self._certificates, self._aggregates, self._book.height)

    # -- one height -------------------------------------------------------------------------------

    def _agreed(self, height: int, found: Sequence[Decision]) -> Decision | None:
        """The decision of a height, once every record of it has been looked at."""
        voters = tuple(Validator(id_, weight) for id_, weight in validators(self._book))
        # Of a certificate and the block beside it: one journal's spoilt block is not the others'.
        faults: dict[tuple[bytes, bytes], str] = {}
        proved: dict[bytes, Decision] = {}
        for decision in found:
            both = digest(decision.certificate), digest(decision.block)
            if both not in faults:
                faults[both] = self._fault(height, decision, voters)
            self._certificates += 1
            if faults[both]:
                what = f"height {height}: {faults[both]}"
                self._findings.add(decision.node, decision.entry, "certificate", what)
            else:
                proved.setdefault(decision.certificate.value_id, decision)
        if len(proved) > 1:
            self._split(height, list(proved.values()), voters)
        return next(iter(proved.values()), None)

    def _fault(self, height: int, decision: Decision, voters: Sequence[Validator]) -> str:
        certificate, block = decision.certificate, decision.block
        if not isinstance(block, Block) or digest(block) != certificate.value_id:
            return "the block is not the one that was voted for"
        if fault := fault_of_statements(certificate, self._mesh):
            return f"its certificate holds {fault}"
        if not self._engine.attests:
            return "it shows votes, and nobody votes here" if certificate.votes else ""
        if not stands(certificate, weights_of(voters), self._engine.vouches):
            return "its votes are not of more than two thirds of that height's validators"
        return ""

    def _split(
        self, height: int, decisions: Sequence[Decision], voters: Sequence[Validator]
    ) -> None:
        first, second = decisions[:2]
        votes = self._votes(height)
        named = refs(self._engine.culprits(first.certificate, second.certificate, votes, voters))
        what = (
            f"height {height} is decided twice: {ref(first.node)} has "
            f"{short(first.certificate.value_id)} at entry {first.entry}, this journal has "
            f"{short(second.certificate.value_id)}; who voted for both: {named}"
        )
        self._findings.add(second.node, second.entry, "split", what)

    def _apply(self, decision: Decision) -> None:
        block = decision.block
        assert isinstance(block, Block), "only blocks are proved"
        if fault := fault_of_statements(block, self._mesh):
            self._object(decision, "statement", f"the block holds {fault}")
        if refusal := self._ledger.check_block(self._book, block):
            self._object(decision, "rule", f"the rules forbid this block: {refusal}")
        for item in block.items:
            if isinstance(item, RoundResult):
                self._check_result(decision, item)
        for event in self._ledger.decide(self._book, Apply(block.height, block), NOWHERE):
            if isinstance(event, RoundCommitted):
                self._recompute(decision, event)
            self._book = evolve(self._book, event)
            if isinstance(event, RoundOpened):
                self._admitted[event.task] = frozenset()
        current = frozenset(trainers(self._book))
        for task in running(self._book):
            self._admitted[task] = self._admitted.get(task, frozenset()) | current

    def _object(self, decision: Decision, kind: Kind, what: str) -> None:
        height = decision.certificate.height
        self._findings.add(decision.node, decision.entry, kind, f"height {height}: {what}")

    # -- rounds -----------------------------------------------------------------------------------

    def _check_result(self, decision: Decision, item: RoundResult) -> None:
        """That the credits follow from the lists, as every validator had to see."""
        if item.task not in running(self._book):
            return  # the rules forbid it, and that has been said
        admitted = tuple(sorted(self._admitted.get(item.task, frozenset())))
        fault = fault_of_result(result_of(item), opening(self._book, item.task), admitted)
        if fault:
            what = f"the result that {ref(item.collector)} collected {fault}"
            self._object(decision, "rule", what)

    def _recompute(self, decision: Decision, event: RoundCommitted) -> None:
        opened = opening(self._book, event.task)
        counted = tuple(Counted(c.submitter, c.update, c.samples) for c in event.credits)
        where = f"round {event.round} of task {short(event.task)}"
        if not counted:
            self._aggregates += event.model == opened.base
            return
        try:
            made = self._shelves.model(opened.spec, opened.base, counted)
        except Absent as absent:
            self._miss(absent.blob, where)
            return
        except Refused as refused:
            what = f"{where}: what was credited makes no model: {refused}"
            self._findings.add(decision.node, decision.entry, "aggregate", what)
            return
        self._aggregates += 1
        if made != event.model:
            what = (
                f"{where}: what was credited makes the model {short(made)}, "
                f"and {short(event.model)} was committed"
            )
            self._findings.add(decision.node, decision.entry, "aggregate", what)
        elif self._shelves.get(made) is None:
            self._miss(made, where)

    def _miss(self, blob: bytes, where: str) -> None:
        what = f"{where} needs the blob {short(blob)}, "
        if self._shelves.expired(blob):
            self._notes.append(Note(b"", 0, what + "which has expired: it is not computed again"))
            return
        for one in self._depositions:
            entry = one.held.get(blob) or one.named.get(blob)
            if entry:
                text = what + "which no home at hand has whole"
                self._findings.add(one.node, entry, "missing", text)
                return
        self._notes.append(Note(b"", 0, what + "which no journal at hand ever named"))

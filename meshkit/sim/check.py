"""What must never happen, looked for after every entry: the checker of a run.

* No two honest members decide two different blocks at a height, and each decision is proved by
  votes of more than two thirds of the weight of that height's validators.
* Each decided block follows the one before it, and everything in it can be applied.
* At equal heights honest ledgers are equal, to the last bit of their canonical form.
* What a member has acted upon is in its journal when it comes back, and its state is the same.
* A committed model is what its credits make of its base, computed again by other code; and each
  credited update is one that its submitter made, or one that some honest member found good.
* Nobody honest signs two statements that exclude each other, whatever crashed in between.
* Nobody honest is accused, or caught in a contradiction by another honest member.
* At the end each journal, decided again from its first entry, leads to the same state.
* What a member keeps stays within bounds, whoever floods it.

A liar's own journal binds nobody, and its state is whatever it likes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from meshkit.consensus.messages import Decided, EquivocationSeen
from meshkit.consensus.raft.events import Elected
from meshkit.consensus.tendermint.messages import Proposal, Vote
from meshkit.core.machine import Entry, recheck
from meshkit.core.snapshot import freeze
from meshkit.core.value import Statement, canonical, digest
from meshkit.ledger.messages import (
    Accused,
    Block,
    BlockApplied,
    ItemRefused,
    RoundCommitted,
    RoundOpened,
    TaskOpened,
)
from meshkit.ledger.state import State as Book
from meshkit.ledger.state import validators
from meshkit.node import engine_in
from meshkit.rounds.messages import (
    Attestation,
    AttestationConflict,
    Held,
    HeldConflict,
    HeldRefused,
    Update,
    UpdateConflict,
    UpdateRefused,
)
from meshkit.sim.labour import recomputed
from meshkit.sim.rare import rare
from meshkit.sim.store import Observer
from meshkit.sim.watch import Watch

if TYPE_CHECKING:
    from meshkit.sim.process import Process

STATE_BYTES_MAX = 2 << 20  # of a member's whole state: a hundred times what one without liars has


class Broken(AssertionError):
    """A promise was broken; the text says which, by whom, and when."""


class Life:
    """What is known of one process across its lives."""

    def __init__(self) -> None:
        self.index = 0  # of the last durable entry
        self.height = 0  # of the ledger then
        self.state: Any = None  # when it ended, if nothing was unsaved


class Checker(Watch):
    """Looks at every entry of every honest member."""

    def __init__(self, rechecks: bool = True) -> None:
        super().__init__()
        self.rechecks = rechecks
        self.history: dict[int, bytes] = {}  # height to the block decided there
        self.books: dict[int, bytes] = {}  # height to the digest of the ledger after it
        self._weights: dict[int, dict[bytes, int]] = {}  # height to those who decide it
        self._leaders: dict[int, bytes] = {}  # of terms, where an engine has leaders
        self._said: dict[tuple[object, ...], bytes] = {}  # a place, and what stands there signed
        self._lives: dict[int, Life] = {}
        self._bases: dict[tuple[bytes, int], bytes] = {}  # what a round starts from
        self._specs: dict[bytes, Any] = {}
        self._judging: dict[type, Callable[[Process, Any], None]] = {
            Decided: self._decided,
            ItemRefused: lambda process, event: self._require(
                False, process, f"a block was decided that holds what does not fit: {event.reason}"
            ),
            TaskOpened: self._task_opened,
            RoundOpened: self._round_opened,
            RoundCommitted: self._round_committed,
            Elected: self._elected,
            Accused: lambda process, event: self._blamed(process, event.culprit, event),
            EquivocationSeen: lambda process, event: self._blamed(process, event.culprit, event),
            UpdateConflict: lambda process, event: self._blamed(
                process, event.first.submitter, event
            ),
            HeldConflict: lambda process, event: self._blamed(process, event.first.holder, event),
            HeldRefused: lambda process, event: self._blamed(process, event.held.holder, event),
            AttestationConflict: lambda process, event: self._blamed(
                process, event.first.member, event
            ),
            UpdateRefused: lambda process, event: self._blamed(
                process, event.update.submitter, event
            ),
        }

    def _require(self, holds: bool, process: "Process", what: str) -> None:
        if not holds:
            when_ms = self.mesh.agenda.now_ns // 1_000_000
            raise Broken(f"{process.person.name} at {when_ms} ms: {what}")

    # -- entry by entry ---------------------------------------------------------------------------

    def observer(self, process: "Process") -> Observer:
        life = self._lives.setdefault(process.number, Life())

        def observe(index: int, entry: Entry) -> None:
            self.entries += 1
            life.index = index
            for event in entry.events:
                if isinstance(event.body, BlockApplied):
                    life.height = event.body.height
            names = [type(event.body).__name__ for event in entry.events]
            place = (self.mesh.agenda.now_ns, process.number)
            self.outline.update(canonical((place, names)))
            self.digest.update(canonical((place, entry.events)))
            if process.honest:
                self.counts.update(names)
                self._look(process, entry)

        return observe

    def _look(self, process: "Process", entry: Entry) -> None:
        for event in entry.events:
            body: object = event.body
            judge = self._judging.get(type(body))
            if judge is not None:
                judge(process, body)
        self.notice(process, entry)

    def notice(self, process: "Process", entry: Entry) -> None:
        """What is rare, and did happen."""
        self.counts.update(rare(process, entry))

    def _decided(self, process: "Process", event: Decided) -> None:
        proof = event.certificate
        height, name = proof.height, digest(event.value)
        self._require(name == proof.value_id, process, "it decided another value than was proved")
        known = self.history.setdefault(height, name)
        self._require(known == name, process, f"a second block was decided at height {height}")
        block, before = event.value, self.history.get(height - 1)
        if isinstance(block, Block) and before is not None:
            follows = (block.height, block.previous) == (height, before)
            self._require(follows, process, f"block {height} does not follow the one before it")
        weights = self._weights.get(height)
        if not engine_in(self.mesh.genesis).attests:
            self._require(not proof.votes, process, "it shows votes where nobody votes")
        elif weights is not None:
            voters = {vote.voter for vote in proof.votes if isinstance(vote, Vote)}
            part = sum(weights.get(voter, 0) for voter in sorted(voters))
            enough = 3 * part > 2 * sum(weights.values())
            self._require(enough, process, f"height {height} was decided by too few")

    def _elected(self, process: "Process", event: Elected) -> None:
        first = self._leaders.setdefault(event.term, process.me)
        self._require(first == process.me, process, f"term {event.term} has a second leader")

    def _task_opened(self, process: "Process", event: TaskOpened) -> None:
        self._specs[event.id] = event.task

    def _round_opened(self, process: "Process", event: RoundOpened) -> None:
        base = self._bases.setdefault((event.task, event.round), event.base)
        self._require(base == event.base, process, "a round was opened from another model")

    def _round_committed(self, process: "Process", event: RoundCommitted) -> None:
        from meshkit.sim.mesh import spec_of

        mesh, base = self.mesh, self._bases[event.task, event.round]
        if not event.credits:
            self._require(event.model == base, process, "a model was made of nothing")
            self.counts["empty round"] += 1
            return
        spec = spec_of(self._specs[event.task])
        parts = [(mesh.blobs[credit.update], credit.samples) for credit in event.credits]
        model = recomputed(mesh.real, spec, mesh.blobs[base], parts)
        right = blake3(model).digest() == event.model
        self._require(right, process, "a model was committed that its credits do not make")
        cap = mesh.genesis.policy.samples_max
        fair = all(1 <= credit.samples <= cap for credit in event.credits)
        self._require(fair, process, "an update weighs more than the policy allows")

    def _blamed(self, process: "Process", culprit: bytes, event: Any) -> None:
        innocent = any(peer.honest for peer in self.mesh.of(culprit))
        self._require(not innocent, process, f"somebody honest was blamed: {event!r:.600}")

    # -- what is signed ---------------------------------------------------------------------------

    def signed(self, process: "Process", statement: Statement) -> None:
        place = place_of(statement)
        if place is None or not process.honest:
            return
        name = digest(content_of(statement))
        known = self._said.setdefault(place, name)
        self._require(known == name, process, f"it signed two things: {statement!r:.600}")

    # -- life after life --------------------------------------------------------------------------

    def began(self, process: "Process") -> None:
        life = self._lives[process.number]
        if not process.honest or not life.index:
            return
        length, state = process.store.length, process.shell.state
        self._require(length >= life.index, process, "it lost entries that it had acted upon")
        height = state["ledger"].height
        self._require(height >= life.height, process, "it lost a committed block")
        if length == life.index and life.state is not None:
            self._require(state == life.state, process, "it came back in another state")
        self.counts["restart"] += 1
        if process.store.restarts_from(process.node):
            self.counts["restart from a snapshot"] += 1
        if state["rounds"].rounds:
            self.counts["restart amid a round"] += 1

    def ended(self, process: "Process", why: str) -> None:
        super().ended(process, why)
        life = self._lives[process.number]
        life.state = None if process.shell.unsaved else process.shell.state
        self._bounded(process)

    def arrived(self, process: "Process") -> None:
        book: Book = process.shell.state["ledger"]
        if not process.honest or not book.mesh:
            return
        name = digest(book)
        known = self.books.setdefault(book.height, name)
        self._require(known == name, process, f"its ledger differs at height {book.height}")
        self._weights.setdefault(book.height + 1, dict(validators(book)))

    def finish(self) -> None:
        """Once all is over: what only the whole journal tells."""
        for process in self.mesh.processes:
            if process.honest and process.life:
                self._bounded(process)
                if self.rechecks:
                    self._recheck(process)

    def _recheck(self, process: "Process") -> None:
        store = process.reopened()
        again = recheck(process.node, store.entries())
        folded = store.restore(process.node).state
        lives = process.up and not process.shell.unsaved
        alike = again == folded and (not lives or again == process.shell.state)
        self._require(alike, process, "its journal does not lead to its state again")

    def _bounded(self, process: "Process") -> None:
        if process.honest:
            size = len(freeze(process.shell.state))
            self._require(size <= STATE_BYTES_MAX, process, f"its state has {size} bytes")
            self.counts["largest state"] = max(self.counts["largest state"], size)


def place_of(statement: Statement) -> tuple[object, ...] | None:
    """Where an honest member says one thing; None of what may be said anew."""
    match statement:
        case Vote(kind, height, number, _, voter):
            return ("vote", voter, height, number, kind)
        case Proposal(height=height, round=number, proposer=proposer):
            return ("proposal", proposer, height, number)
        case Update(submitter, task, number):
            return ("update", submitter, task, number)
        case Held(holder, task, number):
            return ("held", holder, task, number)
        case Attestation(member, task, number, lists):
            return ("attestation", member, task, number, lists)
        case _:
            return None


def content_of(statement: Statement) -> list[Any]:
    """What its signature covers."""
    return [
        getattr(statement, name)
        for name in statement.__struct_fields__
        if name not in statement.UNSIGNED
    ]

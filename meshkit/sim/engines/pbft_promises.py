"""What PBFT promises at every moment: each certificate is one, and each view begins as it must.

After "Practical Byzantine Fault Tolerance" (Castro, Liskov, 1999), sections 4.2 to 4.5; the rows
are those of the checklist. What a replica holds for proved is counted again, vote by vote, and the
beginning of each view is worked out again from the view changes that it rests on.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from meshkit.consensus.pbft.messages import (
    Checkpoint,
    NewView,
    PreparedProof,
    PrePrepare,
    ViewChange,
)
from meshkit.consensus.pbft.state import WINDOWS, Slot, State
from meshkit.core.machine import Entry
from meshkit.sim.engines.promises import is_quorum, is_third, require, weighed
from meshkit.sim.process import Process


class Promises:
    """Of one run: what each replica accepted first, and how far it was."""

    def __init__(self) -> None:
        self._accepted: dict[tuple[int, int, int, int], bytes] = {}
        self._stood: dict[int, tuple[int, int, int]] = {}  # height, set and view, by process
        self._begun: dict[int, NewView] = {}  # the last view that was looked into, by process

    def began(self, process: Process) -> None:
        self._stood.pop(process.number, None)
        self._begun.pop(process.number, None)

    def look(self, process: Process, entry: Entry) -> None:
        """Events say nothing that the state does not."""

    def rest(self, process: Process, state: State) -> None:
        if not state.height:
            return
        self._advances(process, state)
        look = Look(process, state)
        if state.new_view is not None and self._begun.get(process.number) is not state.new_view:
            self._begun[process.number] = state.new_view
            look.begins_as_it_must(state.new_view)
        if not state.decided:
            self._accepts_once(process, state)
            look.all()

    def _advances(self, process: Process, state: State) -> None:
        """P14: heights are numbered upwards, whatever becomes of views."""
        height, since, view = self._stood.get(process.number, (0, 0, 0))
        self._stood[process.number] = (state.height, state.since, state.view)
        require(state.height >= height, process, "P14: its heights begin again")
        same = state.since == since
        require(not same or state.view >= view, process, "P14: its views begin again")

    def _accepts_once(self, process: Process, state: State) -> None:
        said = state.slot.pre_prepare
        if said is not None:
            place = (process.person.number, state.since, state.view, state.height)
            known = self._accepted.setdefault(place, said.value_id)
            require(known == said.value_id, process, "P3: it accepted two pre-prepares")


class Look:
    """One look at one replica's state."""

    def __init__(self, process: Process, state: State) -> None:
        self.process, self.state = process, state
        self.weights = weighed(state.validators)

    def all(self) -> None:
        self._votes_with_reason()
        self._proves()
        state, me = self.state, self.process.me
        chosen = self._chosen()
        self._require(not chosen or chosen not in state.values, "P5: it has not decided")
        if me in self.weights:
            later = [by for by, change in state.changes.items() if change.view > state.view]
            self._require(not is_third(later, self.weights), "P12: it has not joined the others")
            if not state.active:
                self._waits()
            elif state.stable < state.height <= state.stable + WINDOWS * state.every:
                self._acts()

    def _require(self, holds: object, what: str) -> None:
        require(holds, self.process, what)

    def _primary(self, view: int) -> bytes:
        state = self.state
        ids = sorted(self.weights)
        return ids[(view + state.since - 1) % len(ids)]

    def _is_prepared(self) -> bool:
        """P4: the primary's word, and distinct backups'."""
        said, prepares = self.state.slot.pre_prepare, self.state.slot.prepares
        if said is None:
            return False
        ballots: Any = prepares.by_voter
        alike = [by for by, vote in ballots.items() if vote.value_id == said.value_id]
        backups = [by for by in alike if by != self._primary(self.state.view)]
        return is_quorum([said.proposer, *backups], self.weights)

    def _chosen(self) -> bytes:
        told: dict[bytes, list[bytes]] = {}
        ballots: Any = self.state.slot.commits.by_voter
        for by, vote in ballots.items():
            told.setdefault(vote.value_id, []).append(by)
        chosen = [value_id for value_id, by in told.items() if is_quorum(by, self.weights)]
        return chosen[0] if chosen else b""

    # -- no word without its reason ---------------------------------------------------------------

    def _votes_with_reason(self) -> None:
        state, slot = self.state, self.state.slot
        said = slot.pre_prepare
        if said is not None:
            first = said.proposer == self._primary(state.view)
            self._require(first, "P3: it accepted what another than the primary assigned")
        if slot.prepared_id is not None:
            meant = said is not None and said.value_id == slot.prepared_id
            self._require(meant, "P3: it prepared what it was not assigned")
        if slot.committed_id is not None:
            self._require(self._is_prepared(), "P4: it committed what is not prepared")
        self._require(state.active or slot == Slot(), "P13: it counts votes between views")

    def _proves(self) -> None:
        state = self.state
        for height, proof in state.prepared.items():
            good = proof.pre_prepare.height == height and self.is_proof(proof)
            self._require(good, "P9: it holds for prepared what is not")
        if state.proof:
            self._require(self.is_stable(state.proof, state.stable), "P8: it has no such proof")
        for change in state.changes.values():
            self._require(self.is_change(change), "P9: it took a view change that proves nothing")

    # -- no reason without its word ---------------------------------------------------------------

    def _waits(self) -> None:
        state = self.state
        gone = [by for by, change in state.changes.items() if change.view >= state.view]
        waits = state.timer_due_ns > 0 or not is_quorum(gone, self.weights)
        self._require(waits, "P12: no timer runs, though a quorum has left the views below")
        alike = [by for by, change in state.changes.items() if change.view == state.view]
        mine = self._primary(state.view) == self.process.me and is_quorum(alike, self.weights)
        self._require(not mine or state.made is not None, "P10: it does not begin its view")

    def _acts(self) -> None:
        state, slot, me = self.state, self.state.slot, self.process.me
        if slot.pre_prepare is None:
            return
        good = state.judged.get(slot.pre_prepare.value_id)
        mine = self._primary(state.view) == me
        spoken = slot.prepared_id is not None or mine or not good
        self._require(spoken, "P4: it has not prepared what it was assigned")
        spoken = slot.committed_id is not None or not (good and self._is_prepared())
        self._require(spoken, "P5: it has not committed what is prepared")

    # -- certificates, each by itself -------------------------------------------------------------

    def is_proof(self, proof: PreparedProof) -> bool:
        said = proof.pre_prepare
        leader = self._primary(said.view)
        meant = (said.view, said.height, said.value_id)
        alike = all((v.view, v.height, v.value_id) == meant for v in proof.prepares)
        backups = [vote.voter for vote in proof.prepares]
        apart = len(set(backups)) == len(backups) and leader not in backups
        known = all(voter in self.weights for voter in backups)
        counts = is_quorum([leader, *backups], self.weights)
        return (
            said.proposer == leader and bool(said.value_id) and alike and apart and known and counts
        )

    def is_stable(self, votes: Sequence[Checkpoint], height: int) -> bool:
        voters = [vote.voter for vote in votes]
        alike = {(vote.height, vote.digest) for vote in votes}
        one = len(alike) == 1 and votes[0].height == height
        return one and len(set(voters)) == len(voters) and is_quorum(voters, self.weights)

    def is_change(self, change: ViewChange) -> bool:
        first = change.stable == self.state.since - 1 and not change.checkpoints
        stable = first or self.is_stable(change.checkpoints, change.stable)
        earlier = all(proof.pre_prepare.view < change.view for proof in change.prepared)
        return stable and earlier and all(map(self.is_proof, change.prepared))

    # -- the beginning of a view ------------------------------------------------------------------

    def begins_as_it_must(self, new_view: NewView) -> None:
        """P9, P10, P11: V a quorum of proper view changes, and O what follows from all of V."""
        changes = new_view.changes
        voters = [change.voter for change in changes]
        proper = all(change.view == new_view.view and self.is_change(change) for change in changes)
        distinct = len(set(voters)) == len(voters) and is_quorum(voters, self.weights)
        self._require(proper, "P9: its view rests on a view change that proves nothing")
        self._require(distinct, "P10: its view rests on no quorum")
        said = [(one.height, one.value_id) for one in new_view.chosen]
        self._require(self._ours(new_view), "P10: its view begins with somebody else's word")
        self._require(said == _chosen(changes), "P10: its view begins with other values")
        taken = [height for height, _ in said]
        low, top = max(change.stable for change in changes), max(taken, default=0)
        nulls = tuple([height for height in range(low + 1, top) if height not in taken])
        self._require(new_view.nulls == nulls, "P10: its view begins with other nulls")

    def _ours(self, new_view: NewView) -> bool:
        leader = self._primary(new_view.view)
        words: Iterable[PrePrepare] = new_view.chosen
        alike = all((one.view, one.proposer) == (new_view.view, leader) for one in words)
        return alike and new_view.proposer == leader and new_view.since == self.state.since


def _chosen(changes: Sequence[ViewChange]) -> list[tuple[int, bytes]]:
    """At each height above the highest stable checkpoint: what was prepared in the latest view."""
    low = max(change.stable for change in changes)
    said = [proof.pre_prepare for change in changes for proof in change.prepared]
    latest = {one.height: one for one in sorted(said, key=lambda one: one.view)}
    return [(height, latest[height].value_id) for height in sorted(latest) if height > low]

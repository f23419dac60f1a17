"""What Tendermint promises at every moment: no vote without its reason, no reason without its vote.

After algorithm 1 of "The latest gossip on BFT consensus"; the lines are the paper's. A replica at
rest has done all that it has seen enough to do, whatever the order in which it came (T2), and what
it has done it had reason for. Of bundles that show a quorum by themselves the votes are looked at,
too; what those lead to is not demanded.
"""

from typing import Any

from meshkit.consensus.messages import NIL
from meshkit.consensus.quorum import Tally
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    HeightBegun,
    RoundStarted,
)
from meshkit.consensus.tendermint.state import PROPOSE, Round, State, slot
from meshkit.core.machine import Entry
from meshkit.sim.engines.kit import CONSENSUS
from meshkit.sim.engines.promises import is_quorum, is_third, require, weighed
from meshkit.sim.process import Process

ROUNDS_HELD_MAX = 40  # T14: of those behind some tens, one ahead, and what a lock rests on


class Promises:
    """Of one run: who was to propose, for that is one and the same everywhere; of each life, by its
    process, where it last was."""

    def __init__(self) -> None:
        self._proposers: dict[tuple[int, int], bytes] = {}
        self._locked: dict[int, tuple[int, int]] = {}  # height and locked round
        self._rounds: dict[int, int] = {}  # the last that was started
        self._leaps: dict[int, tuple[int, int]] = {}  # height and round, where some were skipped

    def began(self, process: Process) -> None:
        number, state = process.number, process.shell.state[CONSENSUS]
        self._rounds[number] = state.round
        self._locked.pop(number, None)
        self._leaps.pop(number, None)

    def look(self, process: Process, entry: Entry) -> None:
        for event in entry.events:
            body: object = event.body
            if type(body) is HeightBegun:
                self._rounds[process.number] = -1
            elif type(body) is RoundStarted:
                if body.round > self._rounds[process.number] + 1:
                    self._leaps[process.number] = (body.height, body.round)
                self._rounds[process.number] = body.round

    def rest(self, process: Process, state: State) -> None:
        if state.decided or not state.height:
            return
        look = Look(process, state)
        look.all()
        height, locked = self._locked.get(process.number, (0, 0))
        kept = height != state.height or state.locked_round >= locked
        require(kept, process, "T8: its lock is gone")
        self._locked[process.number] = (state.height, state.locked_round)
        leapt = self._leaps.pop(process.number, None) == (state.height, state.round)
        reached = not leapt or look.is_reached()
        require(reached, process, "line 55: too few have reached the round that it skipped to")
        if state.round >= 0:
            place = (state.height, state.round)
            known = self._proposers.setdefault(place, state.proposer)
            require(known == state.proposer, process, "T10: it has another proposer than others")


class Look:
    """One look at one replica's state."""

    def __init__(self, process: Process, state: State) -> None:
        self.process, self.state = process, state
        self.weights = weighed(state.validators)
        self.here: Round = state.rounds.get(state.round, Round())

    def all(self) -> None:
        self._decides()
        self._follows()
        if self.state.round >= 0 and self.process.me in self.weights:
            self._votes_with_reason()
            self._remembers()
            self._acts()

    def _require(self, holds: object, what: str) -> None:
        require(holds, self.process, what)

    def _wanted(self, tally: Tally) -> bytes | None:
        """What a quorum of the votes that came one by one is for."""
        told: dict[bytes, list[bytes]] = {}
        ballots: Any = tally.by_voter
        for voter, vote in ballots.items():
            told.setdefault(vote.value_id, []).append(voter)
        for value_id, voters in told.items():
            if is_quorum(voters, self.weights):
                return value_id
        return None

    def _is_wanted(self, tally: Tally, value_id: bytes) -> bool:
        """Whether a quorum is for it, one by one or in a bundle."""
        shown: Any = tally.shown
        voters = [vote.voter for vote in shown if vote.value_id == value_id]
        return self._wanted(tally) == value_id or is_quorum(voters, self.weights)

    # -- lines 49 and 55 --------------------------------------------------------------------------

    def _decides(self) -> None:
        for at in self.state.rounds.values():
            chosen = self._wanted(at.precommits)
            overdue = chosen and chosen in self.state.values
            self._require(not overdue, "line 49: it has not decided what a quorum precommitted")

    def _follows(self) -> None:
        state = self.state
        later = [by for n, at in state.rounds.items() if n > state.round
                 for tally in (at.prevotes, at.precommits) for by in tally.by_voter]  # fmt: skip
        overdue = is_third([*later, *state.far], self.weights)
        self._require(not overdue, "line 55: more than a third is in later rounds")
        self._require(len(state.rounds) <= ROUNDS_HELD_MAX, "T14: it keeps too many rounds")

    def is_reached(self) -> bool:
        """Whether more than a third of the weight is known to be where we are, or further."""
        state = self.state
        there = [by for n, at in state.rounds.items() if n >= state.round
                 for tally in (at.prevotes, at.precommits) for by in tally.by_voter]  # fmt: skip
        return is_third([*there, *state.far], self.weights)

    # -- no vote without its reason ---------------------------------------------------------------

    def _votes_with_reason(self) -> None:
        state, here = self.state, self.here
        prevoted = state.cast.get(slot(state.round, PREVOTE), NIL)
        precommitted = state.cast.get(slot(state.round, PRECOMMIT), NIL)
        if precommitted:
            reason = self._is_wanted(here.prevotes, precommitted)
            self._require(reason, "line 36: it precommitted what no quorum prevoted")
        if prevoted and here.proposal is not None:
            vouched = here.proposal.valid_round
            at = state.rounds.get(vouched)
            known = vouched < 0 or at is None or self._is_wanted(at.prevotes, prevoted)
            self._require(known, "line 28: it prevoted what no quorum had prevoted")
            locked = vouched < state.locked_round < state.round and prevoted != state.locked_id
            self._require(not locked, "line 23: it prevoted against its lock")
        if state.step == PRECOMMIT and precommitted:
            self._require(state.locked_id == precommitted, "line 38: it precommitted unlocked")

    # -- no reason without its vote ---------------------------------------------------------------

    def _remembers(self) -> None:
        """Lines 36 and 42: the latest value that a quorum wanted is known to be valid."""
        state = self.state
        wanted = [(n, self._wanted(at.prevotes)) for n, at in state.rounds.items()]
        number, value_id = max([(n, v) for n, v in wanted if v], default=(-1, NIL))
        known = value_id in state.values and state.judged.get(value_id)
        due = number < state.round or (number == state.round and state.step != PROPOSE)
        overdue = known and due and state.valid_round < number
        self._require(not overdue, "line 42: it does not remember what a quorum prevoted")

    def _acts(self) -> None:
        state, at = self.state, self.here
        if state.step == PROPOSE:
            self._require(not self._may_prevote(at), "lines 22, 28: it has not prevoted")
            waits = state.proposer != self.process.me or state.round in state.own or state.asked
            self._require(waits, "line 14: it has not proposed")
        if state.step == PREVOTE:
            self._require(self._wanted(at.prevotes) != NIL, "line 44: it has not precommitted nil")
            waits = state.step_due_ns > 0 or not is_quorum(at.prevotes.by_voter, self.weights)
            self._require(waits, "line 34: no timer runs, though a quorum has prevoted")
        waits = state.round_due_ns > 0 or not is_quorum(at.precommits.by_voter, self.weights)
        self._require(waits, "line 47: no timer runs, though a quorum has precommitted")

    def _may_prevote(self, at: Round) -> bool:
        state, said = self.state, at.proposal
        if said is None or said.value_id not in state.judged:
            return False
        before = state.rounds.get(said.valid_round, Round())
        return said.valid_round < 0 or self._wanted(before.prevotes) == said.value_id

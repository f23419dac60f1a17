"""Bugs planted in Tendermint, by the rows of the checklist; the lines are the paper's."""

from typing import Any

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus import quorum
from meshkit.consensus.messages import NIL, Validator
from meshkit.consensus.tendermint import evidence, fold, hearing, rules
from meshkit.consensus.tendermint import state as states
from meshkit.consensus.tendermint.hearing import Deciding
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    HeightBegun,
    Proposal,
    RoundStarted,
    TimerStarted,
    ValidFound,
    ValueJudged,
    Vote,
    VoteCast,
    VoteHeard,
)
from meshkit.consensus.tendermint.rules import Timeouts
from meshkit.consensus.tendermint.state import PROPOSE, Round, State
from meshkit.sim.engines import replica
from tests.sim.engines.planting import (
    Bug,
    Patch,
    calls_done_by_one,
    everywhere,
    saying,
    statements_are_free,
)

# -- votes and locks -------------------------------------------------------------------------------


def locks_do_not_bind(patch: Patch) -> None:
    """whatever is locked, the next good proposal is prevoted (line 23)"""
    original = rules._prevote

    def fickle(state: State, at: Round, now_ns: int) -> object:
        return original(replace(state, locked_round=-1), at, now_ns)

    everywhere(patch, original, fickle)


def valid_rounds_are_believed(patch: Patch) -> None:
    """a proposal's valid round is believed without the quorum in it (line 28)"""

    def prevote(state: State, at: Round, now_ns: int) -> object:
        said = at.proposal
        if said is None or said.value_id not in state.judged:
            return None
        free = state.locked_round <= said.valid_round or state.locked_id == said.value_id
        good = state.judged[said.value_id] and free
        return rules.cast(state, PREVOTE, said.value_id if good else NIL, now_ns)

    everywhere(patch, rules._prevote, prevote)


def values_come_too_late(patch: Patch) -> None:
    """a quorum of precommits counts when its votes come, not when its value does (line 49)"""
    obey = Deciding.obey

    def once(self: Deciding) -> None:
        first = self.unfolded[0][0] if self.unfolded else None
        if isinstance(first, VoteHeard) or self.state.chosen_round < 0:
            obey(self)

    patch.setattr(Deciding, "obey", once)


def votes_come_too_soon(patch: Patch) -> None:
    """what came before the proposal was judged is not looked at again after it (lines 36, 44)"""
    obey = Deciding.obey

    def once(self: Deciding) -> None:
        judged = any(isinstance(event, ValueJudged) for event, _ in self.unfolded)
        if not judged or self.state.step != PROPOSE:
            obey(self)
            return
        event = rules.next_event(self.state, self.me, self.timeouts, self.now_ns)
        if event is not None:
            self.add(event)

    patch.setattr(Deciding, "obey", once)


def nothing_is_locked(patch: Patch) -> None:
    """whoever precommits does not lock (line 38)"""
    original = fold._vote_cast

    def loose(state: State, event: VoteCast) -> State:
        now = original(state, event)
        return replace(now, locked_round=state.locked_round, locked_id=state.locked_id)

    everywhere(patch, original, loose)


def nothing_is_learnt_late(patch: Patch) -> None:
    """a quorum of prevotes that comes after our precommit is not remembered (line 42)"""
    original = rules._update_valid

    def update(state: State, now_ns: int) -> object:
        event = original(state, now_ns)
        return None if isinstance(event, ValidFound) else event

    everywhere(patch, original, update)


def nil_waits(patch: Patch) -> None:
    """a quorum of prevotes for nothing is answered only when a timer ends (line 44)"""

    def precommit(state: State, at: Round, timeouts: Timeouts, now_ns: int) -> object:
        if at.prevotes.weight < state.quorum or state.step_due_ns:
            return None
        due_ns = now_ns + timeouts.vote_ns(state.round)
        return TimerStarted(state.height, state.round, PREVOTE, due_ns)

    everywhere(patch, rules._precommit, precommit)


def rounds_do_not_end(patch: Patch) -> None:
    """a quorum of precommits that are not alike starts no timer (line 47)"""
    everywhere(patch, rules._end, saying(None))


def only_this_round_decides(patch: Patch) -> None:
    """a quorum of precommits of another round decides nothing (line 49)"""
    original = rules.next_event

    def obey(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> object:
        elsewhere = state.chosen_round != state.round
        here = replace(state, chosen_round=-1) if elsewhere else state
        return original(here, me, timeouts, now_ns)

    everywhere(patch, original, obey)


# -- rounds and heights ----------------------------------------------------------------------------


def one_leads_all_on(patch: Patch) -> None:
    """a single vote of a later round is followed there (line 55)"""

    def anybody(weight: int, total: int) -> bool:
        return weight > 0

    patch.setattr(fold, "more_than_third", anybody)


def no_round_is_skipped(patch: Patch) -> None:
    """more than a third in later rounds are not followed there (line 55)"""
    everywhere(patch, fold._skip_to, saying(-1))


def locks_end_with_the_round(patch: Patch) -> None:
    """a new round resets the lock"""
    original = fold._round_started

    def forgetful(state: State, event: RoundStarted) -> State:
        return replace(original(state, event), locked_round=-1, locked_id=NIL)

    everywhere(patch, original, forgetful)


def locks_outlive_their_height(patch: Patch) -> None:
    """a new height does not reset the lock"""
    original = fold._height_begun

    def stubborn(state: State, event: HeightBegun) -> State:
        now = original(state, event)
        return replace(now, locked_round=state.locked_round, locked_id=state.locked_id)

    everywhere(patch, original, stubborn)


def valid_values_outlive_their_height(patch: Patch) -> None:
    """a new height does not reset the valid value"""
    original = fold._height_begun

    def stubborn(state: State, event: HeightBegun) -> State:
        now = original(state, event)
        return replace(now, valid_round=state.valid_round, valid_id=state.valid_id)

    everywhere(patch, original, stubborn)


def something_new_is_proposed(patch: Patch) -> None:
    """a proposer does not take up what a quorum wanted before (line 16)"""
    original = rules._propose

    def inventive(state: State, me: bytes) -> object:
        return original(replace(state, valid_round=-1), me)

    everywhere(patch, original, inventive)


def turns_differ(patch: Patch) -> None:
    """whose turn it is depends on what one has heard of others"""
    original = states.turn

    def turn(state: State, number: int) -> bytes:
        return original(state, number + len(state.claims))

    everywhere(patch, original, turn)


# -- power -----------------------------------------------------------------------------------------


def half_is_enough(patch: Patch) -> None:
    """a quorum is more than half of the weight"""

    def majority(total: int) -> int:
        return total // 2 + 1

    everywhere(patch, quorum.quorum, majority)


def two_thirds_are_enough(patch: Patch) -> None:
    """a quorum is two thirds of the weight, not more"""

    def no_more(total: int) -> int:
        return (2 * total + 2) // 3

    everywhere(patch, quorum.quorum, no_more)


def heads_are_counted(patch: Patch) -> None:
    """votes are counted, not the power behind them"""

    def equal(validators: tuple[Validator, ...]) -> Map[bytes, int]:
        return Map({validator.id: 1 for validator in validators})

    patch.setattr(fold, "weights_of", equal)


def votes_count_twice(patch: Patch) -> None:
    """a vote counts as often as it comes"""
    original = hearing._hear_vote

    def hear(deciding: Deciding, sender: bytes, vote: Vote) -> None:
        state = deciding.state
        here = (vote.height, vote.round, state.decided) == (state.height, state.round, False)
        if here and vote.voter in state.weights and vote.voter != deciding.me:
            deciding.add(VoteHeard(vote))
        else:
            original(deciding, sender, vote)

    everywhere(patch, original, hear)


# -- what is on the disk, and what others say ------------------------------------------------------


def said_before_it_is_written(patch: Patch) -> None:
    """votes leave while what binds us to them is not durable"""
    statements_are_free(patch, "tendermint")


def a_life_begins_anew(patch: Patch) -> None:
    """what was cast before a restart is not known after it"""
    begin = replica.Replica._begin

    def forgetful(self: replica.Replica) -> None:
        bare: Any = replace(self.shell.state["consensus"], cast=Map())
        self.shell.state = {**self.shell.state, "consensus": bare}
        begin(self)

    patch.setattr(replica.Replica, "_begin", forgetful)


def two_rounds_contradict(patch: Patch) -> None:
    """votes of different rounds are held against their voter"""
    original = evidence.place

    def careless(statement: Vote | Proposal) -> tuple[bytes, int, int, int]:
        signer, height, _, kind = original(statement)
        return signer, height, 0, kind

    everywhere(patch, original, careless)


def any_certificate_stands(patch: Patch) -> None:
    """a certificate is believed without being counted"""
    patch.setattr(hearing, "stands", saying(True))


def laggards_are_told_nothing(patch: Patch) -> None:
    """whoever asks about a height that is over gets no answer"""
    everywhere(patch, hearing._answer_height, saying(None))


BUGS = (
    Bug("T1", locks_do_not_bind, "tendermint/quarrels"),
    Bug("T1", valid_rounds_are_believed, "tendermint/coups"),
    Bug("T2", values_come_too_late, "tendermint/brief"),
    Bug("T2", votes_come_too_soon, "tendermint/brief"),
    Bug("T3", nothing_is_locked, "tendermint/brief"),
    Bug("T3", nothing_is_learnt_late, "tendermint/quarrels"),
    Bug("T4", nil_waits, "tendermint/quarrels"),
    Bug("T4", rounds_do_not_end, "tendermint/brief"),
    Bug("T5", only_this_round_decides, "tendermint/quarrels"),
    Bug("T6", one_leads_all_on, "tendermint/liars"),
    Bug("T6", no_round_is_skipped, "tendermint/quarrels"),
    Bug("T8", locks_end_with_the_round, "tendermint/quarrels"),
    Bug("T8", locks_outlive_their_height, "tendermint/quarrels"),
    Bug("T8", valid_values_outlive_their_height, "tendermint/brief"),
    Bug("T8", something_new_is_proposed, "tendermint/quarrels"),
    Bug("T9", half_is_enough, "tendermint/brief"),
    Bug("T9", two_thirds_are_enough, "tendermint/brief"),
    Bug("T9", heads_are_counted, "tendermint/brief"),
    Bug("T9", votes_count_twice, "tendermint/brief"),
    Bug("T10", turns_differ, "tendermint/partitions"),
    Bug("T11", said_before_it_is_written, "tendermint/crashes"),
    Bug("T11", a_life_begins_anew, "tendermint/crashes"),
    Bug("T12", two_rounds_contradict, "tendermint/brief"),
    Bug("T16", any_certificate_stands, "tendermint/liars"),
    Bug("T16", laggards_are_told_nothing, "tendermint/quarrels"),
    Bug("R20", calls_done_by_one, "tendermint/brief"),
)

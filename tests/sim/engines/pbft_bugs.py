"""Bugs planted in PBFT, by the rows of the checklist."""

from collections.abc import Sequence
from typing import cast

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus import quorum
from meshkit.consensus.messages import NIL, ProposalTaken, Validator
from meshkit.consensus.pbft import evidence, fold, hearing, rules, views
from meshkit.consensus.pbft import state as states
from meshkit.consensus.pbft.hearing import Deciding
from meshkit.consensus.pbft.messages import (
    Commit,
    CommitCast,
    CommitHeard,
    NewView,
    Phase,
    Prepare,
    PreparedProof,
    PrepareHeard,
    PrePrepare,
    PrePrepareHeard,
    Showable,
    TimerStarted,
    ViewChange,
    ViewEntered,
)
from meshkit.consensus.pbft.rules import Timeouts
from meshkit.consensus.pbft.state import State, bare, primary
from tests.sim.engines.planting import (
    Bug,
    Patch,
    calls_done_by_one,
    everywhere,
    saying,
    statements_are_free,
)

# -- the three phases ------------------------------------------------------------------------------


def half_is_enough(patch: Patch) -> None:
    """a quorum is more than half of the weight"""

    def majority(total: int) -> int:
        return total // 2 + 1

    everywhere(patch, quorum.quorum, majority)


def heads_are_counted(patch: Patch) -> None:
    """votes are counted, not the power behind them"""

    def equal(validators: tuple[Validator, ...]) -> Map[bytes, int]:
        return Map({validator.id: 1 for validator in validators})

    patch.setattr(fold, "weights_of", equal)


def _takes(deciding: Deciding, said: PrePrepare) -> None:
    """The pre-prepare counts, whatever was before it."""
    state = deciding.state
    if said.value_id == NIL or not hearing._has_value(state, said):
        return
    if said.value_id not in state.values:
        assert said.value is not None
        taken = (state.height, state.view, said.value_id, said.proposer, said.value)
        deciding.add(ProposalTaken(*taken))
    deciding.add(PrePrepareHeard(bare(said), deciding.now_ns))


def anybody_assigns(patch: Patch) -> None:
    """a pre-prepare counts whoever signed it"""
    original = hearing._hear_pre_prepare

    def hear(deciding: Deciding, said: PrePrepare) -> None:
        strange = said.proposer not in (primary(deciding.state), deciding.me)
        if not strange:
            original(deciding, said)
        elif deciding.state.slot.pre_prepare is None:
            _takes(deciding, said)

    everywhere(patch, original, hear)


def the_last_word_counts(patch: Patch) -> None:
    """of two pre-prepares for one height and view the second counts, too"""
    original = hearing._hear_pre_prepare

    def hear(deciding: Deciding, said: PrePrepare) -> None:
        known = deciding.state.slot.pre_prepare
        if known is None or said.proposer in (deciding.me,) or said.proposer != known.proposer:
            original(deciding, said)
        else:
            _takes(deciding, said)

    everywhere(patch, original, hear)


def _counts(deciding: Deciding, vote: Prepare | Commit, again: bool, leader: bool) -> None:
    state, slot = deciding.state, deciding.state.slot
    prepares = isinstance(vote, Prepare)
    own = slot.prepared_id if prepares else slot.committed_id
    tally = slot.prepares if prepares else slot.commits
    if vote.value_id == NIL or (vote.voter == deciding.me and own != vote.value_id):
        return
    if prepares and vote.voter == primary(state) and not leader:
        return
    known = tally.by_voter.get(vote.voter)
    if known is not None and not (prepares and again):
        hearing._accuse(deciding, cast("Prepare | Commit", known), vote)
        return
    deciding.add(PrepareHeard(vote) if isinstance(vote, Prepare) else CommitHeard(vote))


def the_primary_prepares(patch: Patch) -> None:
    """the primary's own Prepare counts beside its pre-prepare"""

    def hear(deciding: Deciding, vote: Prepare | Commit) -> None:
        _counts(deciding, vote, False, True)

    everywhere(patch, hearing._hear_vote, hear)


def prepares_count_twice(patch: Patch) -> None:
    """a backup's Prepare counts as often as it comes"""

    def hear(deciding: Deciding, vote: Prepare | Commit) -> None:
        _counts(deciding, vote, True, False)

    everywhere(patch, hearing._hear_vote, hear)


def commits_unprepared(patch: Patch) -> None:
    """a replica commits as soon as it was assigned a value"""
    act = rules._act

    def hasty(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> object:
        event, said = act(state, me, timeouts, now_ns), state.slot.pre_prepare
        good = said is not None and state.judged.get(said.value_id) and me in state.weights
        if event is None and said and good and state.slot.committed_id is None:
            return CommitCast(state.height, state.view, said.value_id, now_ns)
        return event

    everywhere(patch, act, hasty)


# -- checkpoints -----------------------------------------------------------------------------------


def nothing_is_stable(patch: Patch) -> None:
    """a quorum of checkpoints moves no window"""
    original = rules.next_event

    def obey(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> object:
        return original(replace(state, settled=0), me, timeouts, now_ns)

    everywhere(patch, original, obey)


# -- views -----------------------------------------------------------------------------------------


def proofs_are_believed(patch: Patch) -> None:
    """a prepared certificate in a view change is not looked into"""
    everywhere(patch, views.is_proof, saying(True))


def proofs_are_lumped(patch: Patch) -> None:
    """of a prepared certificate only the voters are counted, not what they prepared"""

    def is_proof(proof: PreparedProof, known: views.Replicas) -> bool:
        voters = {proof.pre_prepare.proposer, *(vote.voter for vote in proof.prepares)}
        return sum(known.weights.get(voter, 0) for voter in voters) >= known.quorum

    everywhere(patch, views.is_proof, is_proof)


def checkpoints_are_believed(patch: Patch) -> None:
    """a stable checkpoint in a view change is not looked into"""
    everywhere(patch, views.is_stable, saying(True))


def views_begin_anyhow(patch: Patch) -> None:
    """backups do not work out again what a new view must begin with"""
    everywhere(patch, views._begins_as_it_must, saying(True))


def views_begin_with_few(patch: Patch) -> None:
    """a new view rests on any number of view changes"""

    def is_new_view(
        new_view: NewView, known: views.Replicas, _: Map[bytes, ViewChange] = views.NONE
    ) -> bool:
        leader = views.primary(known.validators, known.since, new_view.view)
        right = (new_view.since, new_view.proposer) == (known.since, leader)
        return right and bool(new_view.changes) and views._begins_as_it_must(new_view)

    everywhere(patch, views.is_new_view, is_new_view)


def views_begin_empty(patch: Patch) -> None:
    """a new view takes up nothing of what was prepared"""
    original = views.outcome

    def outcome(changes: Sequence[ViewChange]) -> views.Outcome:
        return original(changes)._replace(chosen=(), nulls=())

    everywhere(patch, original, outcome)


def a_part_of_them_is_heard(patch: Patch) -> None:
    """what a view begins with follows from the first of its view changes alone"""
    original = views.outcome

    def outcome(changes: Sequence[ViewChange]) -> views.Outcome:
        return original(changes[:1])

    everywhere(patch, original, outcome)


def nobody_joins(patch: Patch) -> None:
    """more than a third in higher views are not followed there"""
    original = rules.next_event

    def obey(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> object:
        return original(replace(state, join_to=0), me, timeouts, now_ns)

    everywhere(patch, original, obey)


def no_timer_between_views(patch: Patch) -> None:
    """a view that does not begin is waited for without a timer"""
    original = rules._change

    def change(state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> object:
        event = original(state, me, timeouts, now_ns)
        return None if isinstance(event, TimerStarted) else event

    everywhere(patch, original, change)


def votes_count_between_views(patch: Patch) -> None:
    """prepares and commits of a view count before it has begun"""

    def is_ahead(state: State, said: Phase) -> bool:
        if said.height != state.height:
            return said.height > state.height
        return not state.decided and said.view > state.view

    everywhere(patch, states.is_ahead, is_ahead)


def numbers_begin_again(patch: Patch) -> None:
    """a new view numbers its heights from the stable checkpoint on"""
    original = fold._view_entered

    def entered(state: State, event: ViewEntered) -> State:
        now = original(state, event)
        return replace(now, height=now.stable + 1, decided=False)

    everywhere(patch, original, entered)


# -- the rest --------------------------------------------------------------------------------------


def said_before_it_is_written(patch: Patch) -> None:
    """statements leave while what binds us to them is not durable"""
    statements_are_free(patch, "pbft")


def any_certificate_stands(patch: Patch) -> None:
    """a certificate is believed without being counted"""
    patch.setattr(hearing, "stands", saying(True))


def laggards_are_told_nothing(patch: Patch) -> None:
    """whoever asks about a height that is over gets no answer"""
    everywhere(patch, hearing._answer_height, saying(None))


def two_views_contradict(patch: Patch) -> None:
    """what is said in different views is held against its signer"""
    original = evidence.place

    def careless(statement: Showable) -> tuple[object, ...] | None:
        where = original(statement)
        return where and (*where[:2], 0, *where[3:])

    everywhere(patch, original, careless)


BUGS = (
    Bug("P1", half_is_enough, "pbft/brief"),
    Bug("P1", heads_are_counted, "pbft/brief"),
    Bug("P3", anybody_assigns, "pbft/liars"),
    Bug("P3", the_last_word_counts, "pbft/twins"),
    Bug("P4", the_primary_prepares, "pbft/coups"),
    Bug("P4", prepares_count_twice, "pbft/partitions"),
    Bug("P5", commits_unprepared, "pbft/brief"),
    Bug("P7", calls_done_by_one, "pbft/liars"),
    Bug("P8", nothing_is_stable, "pbft/brief"),
    Bug("P9", proofs_are_believed, "pbft/coups"),
    Bug("P9", proofs_are_lumped, "pbft/coups"),
    Bug("P9", checkpoints_are_believed, "pbft/coups"),
    Bug("P10", views_begin_anyhow, "pbft/coups"),
    Bug("P10", views_begin_with_few, "pbft/coups"),
    Bug("P10", views_begin_empty, "pbft/quarrels"),
    Bug("P11", a_part_of_them_is_heard, "pbft/quarrels"),
    Bug("P12", nobody_joins, "pbft/quarrels"),
    Bug("P12", no_timer_between_views, "pbft/partitions"),
    Bug("P13", votes_count_between_views, "pbft/quarrels"),
    Bug("P14", numbers_begin_again, "pbft/partitions"),
    Bug("P17", said_before_it_is_written, "pbft/crashes"),
    Bug("P18", any_certificate_stands, "pbft/liars"),
    Bug("P18", laggards_are_told_nothing, "pbft/brief"),
    Bug("P19", two_views_contradict, "pbft/liars", 56),
)

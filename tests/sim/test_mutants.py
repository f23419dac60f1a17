"""The mutation gate: bugs planted in the nodes, each of which some seed must find.

A simulator that finds nothing may be blind. Each mutant here is a mistake that implementations have
made, with the row of the consensus checklist that forbids it (T: Tendermint, R: what binds is on
the disk first, D: determinism), or one that a federation's rounds invite. It is killed if some seed
ends in a broken promise, an exception or a mesh that is stuck: within SEEDS seeds of the scenario
that is made for it, from a first one at which it was once seen to die, which is what keeps the
gate quick. What heals by itself is no mutant: a node that misses a rule for a while is told the
outcome by others, and such bugs are for the engine's own tests.
"""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, cast

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.consensus import certificate
from meshkit.consensus.messages import NIL, Judge, Validator
from meshkit.consensus.tendermint import evidence, hearing, machine, rules, speech
from meshkit.consensus.tendermint import fold as tendermint
from meshkit.consensus.tendermint.messages import (
    HeightBegun,
    Proposal,
    RoundStarted,
    Vote,
    VoteCast,
)
from meshkit.consensus.tendermint.state import Round, State
from meshkit.core.composite import At
from meshkit.core.machine import Entry
from meshkit.core.shell import FREE
from meshkit.journal import JournalFailed
from meshkit.ledger import Ledger
from meshkit.node import Policies
from meshkit.rounds import inclusion
from meshkit.rounds import machine as rounds_machine
from meshkit.rounds import rules as rounds_rules
from meshkit.runtime.restore import Restored
from meshkit.sim import process, store
from meshkit.sim.campaign import ANOTHER_STORY, play
from meshkit.sim.dice import Dice

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

FOLDS = cast("dict[type, Callable[[State, Any], State]]", tendermint.FOLDS)

SEEDS = 8  # within which each is killed


def saying(answer: object) -> Callable[..., object]:
    """Whoever says just this, whatever it is asked."""

    def say(*_: object) -> object:
        return answer

    return say


# -- consensus -------------------------------------------------------------------------------------


def half_is_enough(patch: Patch) -> None:
    """T9: a quorum of more than half, of which two may have none but a liar in common."""

    def majority(total: int) -> int:
        return total // 2 + 1

    for module in (tendermint, certificate):
        patch.setattr(module, "quorum", majority)


def heads_are_counted(patch: Patch) -> None:
    """T9: votes are counted, not the power behind them."""

    def equal(validators: tuple[Validator, ...]) -> Map[bytes, int]:
        return Map({validator.id: 1 for validator in validators})

    patch.setattr(tendermint, "weights_of", equal)


def one_leads_all_on(patch: Patch) -> None:
    """T6: a single vote of a later round is followed there, whoever casts it."""

    def anybody(weight: int, total: int) -> bool:
        return weight > 0

    patch.setattr(tendermint, "more_than_third", anybody)


def nothing_is_locked(patch: Patch) -> None:
    """T3: whoever precommits does not lock."""
    fold = FOLDS[VoteCast]

    def loose(state: State, event: VoteCast) -> State:
        kept = {"locked_round": state.locked_round, "locked_id": state.locked_id}
        return replace(fold(state, event), **kept)

    patch.setitem(FOLDS, VoteCast, loose)


def locks_end_with_the_round(patch: Patch) -> None:
    """T8: a new round resets what only a new height may."""
    started = FOLDS[RoundStarted]

    def forgetful(state: State, event: RoundStarted) -> State:
        return replace(started(state, event), locked_round=-1, locked_id=NIL)

    patch.setitem(FOLDS, RoundStarted, forgetful)


def locks_do_not_bind(patch: Patch) -> None:
    """T1: whatever is locked, the next good proposal is voted for."""
    prevote = rules._prevote

    def fickle(state: State, at: Round, now_ns: int) -> Any:
        return prevote(replace(state, locked_round=-1), at, now_ns)

    patch.setattr(rules, "_prevote", fickle)


def locks_outlive_their_height(patch: Patch) -> None:
    """T8: a new height does not reset the lock."""
    begun = FOLDS[HeightBegun]

    def stubborn(state: State, event: HeightBegun) -> State:
        kept = {"locked_round": state.locked_round, "locked_id": state.locked_id}
        return replace(begun(state, event), **kept)

    patch.setitem(FOLDS, HeightBegun, stubborn)


def something_new_is_proposed(patch: Patch) -> None:
    """T8: a proposer does not take up what a quorum wanted before."""
    propose = rules._propose

    def inventive(state: State, me: bytes) -> Any:
        return propose(replace(state, valid_round=-1), me)

    patch.setattr(rules, "_propose", inventive)


def two_rounds_contradict(patch: Patch) -> None:
    """T12: votes of different rounds are held against their voter."""
    place = evidence.place

    def careless(statement: Vote | Proposal) -> tuple[bytes, int, int, int]:
        signer, height, _, kind = place(statement)
        return signer, height, 0, kind

    for module in (evidence, hearing):
        patch.setattr(module, "place", careless)


def any_certificate_stands(patch: Patch) -> None:
    """T16: a certificate is believed without being counted."""
    patch.setattr(hearing, "stands", saying(True))


def laggards_are_told_nothing(patch: Patch) -> None:
    """T16: whoever asks about a height that is over gets no answer."""
    patch.setattr(hearing, "_answer_height", saying(None))


def nothing_is_said_again(patch: Patch) -> None:
    """T16: whoever lost a message waits for it for ever."""
    patch.setattr(speech, "_repetition", saying(()))


# -- what is on the disk ---------------------------------------------------------------------------


def said_before_it_is_written(patch: Patch) -> None:
    """R1, T11: votes leave while what binds us to them is not durable."""
    patch.setattr(process, "urgency", saying(FREE))


def a_life_begins_anew(patch: Patch) -> None:
    """T11: what was cast before a restart is not known after it."""
    restore = store.Modelled.restore

    def amnesiac(self: store.Modelled, node: Any) -> Restored:
        restored = restore(self, node)
        bare = replace(restored.state["consensus"], cast=Map())
        return restored._replace(state={**restored.state, "consensus": bare})

    patch.setattr(store.Modelled, "restore", amnesiac)


def a_failed_write_passes(patch: Patch) -> None:
    """R2: what the disk says about a write is not looked at."""
    append = store.ModelledLog.append

    def hopeful(self: store.ModelledLog, entries: list[Entry]) -> int:
        try:
            return append(self, entries)
        except JournalFailed:
            return len(self._disk.entries) + len(entries)

    patch.setattr(store.ModelledLog, "append", hopeful)


# -- blocks and rounds -----------------------------------------------------------------------------


def every_block_is_good(patch: Patch) -> None:
    """Validators vote without judging."""

    def blind(self: Policies, state: Any, height: int, value_id: bytes, value: Any) -> Iterator[At]:
        yield At("consensus", Judge(height, value_id, True))

    patch.setattr(Policies, "_judge", blind)


def no_block_is_looked_into(patch: Patch) -> None:
    """Rounds' results are judged, and nothing else in a block."""
    patch.setattr(Ledger, "check_block", saying(""))


def every_model_is_right(patch: Patch) -> None:
    """A result is judged without computing its aggregate."""
    for module in (rounds_rules, rounds_machine):
        patch.setattr(module, "wrong_model", saying(""))


def the_first_of_two_counts(patch: Patch) -> None:
    """Two updates of one trainer that contradict each other are taken for one."""
    patch.setattr(inclusion, "is_same", saying(True))


def who_left_is_waited_for(patch: Patch) -> None:
    """An open round is not told who has come and gone."""
    patch.setattr(Policies, "reopen_rounds", saying(()))


# -- determinism -----------------------------------------------------------------------------------


def something_is_not_in_the_journal(patch: Patch) -> None:
    """D2: what is decided depends on how often anything was decided in this process."""
    start, times = rules.start, count(1)

    def moody(state: State, number: int, me: bytes, timeouts: Any, now_ns: int) -> RoundStarted:
        started = start(state, number, me, timeouts, now_ns)
        return replace(started, due_ns=started.due_ns + next(times))

    for module in (rules, hearing, machine):
        patch.setattr(module, "start", moody)


def chance_comes_from_elsewhere(patch: Patch) -> None:
    """D1: something is drawn that the seed does not determine."""
    word, times = Dice.word, count(1)

    def loaded(self: Dice) -> int:
        return word(self) ^ next(times) // 1_000 % 2

    patch.setattr(Dice, "word", loaded)


MUTANTS: tuple[tuple[Plant, str, int], ...] = (
    (half_is_enough, "twins", 0),
    (heads_are_counted, "campaign", 0),
    (one_leads_all_on, "liars", 3),
    (nothing_is_locked, "quarrels", 5),
    (locks_end_with_the_round, "quarrels", 5),
    (locks_do_not_bind, "quarrels", 5),
    (locks_outlive_their_height, "quarrels", 2),
    (something_new_is_proposed, "quarrels", 11),
    (two_rounds_contradict, "campaign", 18),
    (any_certificate_stands, "liars", 0),
    (laggards_are_told_nothing, "quarrels", 2),
    (nothing_is_said_again, "quarrels", 2),
    (said_before_it_is_written, "crashes", 3),
    (a_life_begins_anew, "crashes", 1),
    (a_failed_write_passes, "crashes", 16),
    (every_block_is_good, "liars", 18),
    (no_block_is_looked_into, "liars", 29),
    (every_model_is_right, "liars", 29),
    (the_first_of_two_counts, "floods", 2),
    (who_left_is_waited_for, "membership", 10),
    (something_is_not_in_the_journal, "calm", 1),
)


def is_found(scenario: str, first: int) -> bool:
    """Whether some seed of these fails."""
    return any(play(scenario, seed, False).failure for seed in range(first, first + SEEDS))


@pytest.mark.parametrize(
    ("plant", "scenario", "first"), MUTANTS, ids=lambda case: getattr(case, "__name__", str(case))
)
def test_a_planted_bug_is_found(
    plant: Plant, scenario: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    assert is_found(scenario, first)


def test_chance_from_elsewhere_shows_in_the_second_run(monkeypatch: pytest.MonkeyPatch) -> None:
    chance_comes_from_elsewhere(monkeypatch)
    assert play("calm", 1).failure == ANOTHER_STORY


def test_where_nothing_was_planted_nothing_is_found() -> None:
    """So a mutant that changes nothing would fail the gate."""
    assert not is_found("quarrels", 0)

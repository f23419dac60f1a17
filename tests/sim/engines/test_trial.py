"""Trials: two phases, a healthy core, journals that rot, and bugs that do not go unseen."""

from collections.abc import Callable

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.consensus import certificate
from meshkit.consensus.tendermint import fold as tendermint
from meshkit.core.shell import FREE
from meshkit.core.value import digest
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.check import Broken
from meshkit.sim.engines import play, replica, service, trial
from meshkit.sim.engines.check import Examiner
from meshkit.sim.engines.setting import ROTS
from meshkit.sim.engines.trial import Siege, Trial
from meshkit.sim.process import Process
from tests.sim.engines.grounds import KIT, QUIET, lying, tried

Patch = pytest.MonkeyPatch


def saying(answer: object) -> Callable[..., object]:
    """Whoever says just this, whatever it is asked."""

    def say(*_: object) -> object:
        return answer

    return say


def test_when_nothing_goes_wrong_every_call_is_answered_and_all_stand_at_one_height() -> None:
    done = tried(1)
    assert len({one.books.height for one in done.world.replicas if one in done.core}) == 1
    counts = dict(done.report("calm").counts)
    assert counts["calls"] == counts["calls answered"] > 10
    assert done.commands >= QUIET.commands


def test_a_core_is_enough_to_decide_and_no_larger() -> None:
    done = tried(2)
    assert len(done.core) == 3
    assert done._is_quorate(0b1111)


def test_validators_change_while_calls_go_on() -> None:
    ground = replace(
        QUIET, weights=(1,) * 5, seatings=((200 * MS, 0b11110), (600 * MS, 0b11101)), commands=2_000
    )
    done = tried(3, ground)
    assert done.world.replicas[2].books.seated == 0b11101


def test_a_journal_that_rotted_stays_closed_and_no_more_rot_than_is_borne() -> None:
    ground = replace(lying("silent"), faults=(ROTS,), fault_ns=50 * MS)
    done = tried(4, ground)
    assert not [one for one in done.world.replicas if one.rotten]
    ground = replace(QUIET, faults=(ROTS,), fault_ns=20 * MS)
    done = tried(4, ground)
    rotten = [one for one in done.world.replicas if one.rotten]
    assert len(rotten) == 1
    assert not rotten[0].up
    assert rotten[0] not in done.core
    siege = Siege(done.world, ground)
    for _ in range(20):
        siege._rot()
    assert [one for one in done.world.replicas if one.rotten] == rotten


def test_who_cannot_be_answered_is_stuck(monkeypatch: Patch) -> None:
    monkeypatch.setattr(trial, "LIVE_NS", 5 * SECOND)
    monkeypatch.setattr(replica.Speaker, "_answer_client", saying(None))
    with pytest.raises(Broken, match=r"stuck: best height .* by 1111, unanswered"):
        tried(5, replace(QUIET, commands=100))


def test_a_trial_starts_only_replicas() -> None:
    done = Trial(KIT, 1, QUIET, Examiner(QUIET.seated))
    with pytest.raises(AssertionError, match="here all are"):
        done._revive(Process.__new__(Process))


# -- planted bugs ----------------------------------------------------------------------------------


def found(scenario: str, first: int = 0, seeds: int = 8) -> bool:
    """Whether some seed fails."""
    name = f"tendermint/{scenario}"
    return any(play(name, seed, False).failure for seed in range(first, first + seeds))


def test_r20_sessions_outside_of_what_is_replicated_are_found(monkeypatch: Patch) -> None:
    def once_each(books: service.Books, batch: service.CallBatch) -> service.Books:
        for call in batch.calls:
            books, result = service.perform(books, call)
            done = service.Session(call.sequence, result)
            books = replace(books, sessions=books.sessions.set(call.client, done))
        return replace(books, height=batch.height, previous=digest(batch))

    monkeypatch.setattr(service, "settle", once_each)
    assert found("liars")


def test_t9_a_quorum_of_half_is_found(monkeypatch: Patch) -> None:
    def majority(total: int) -> int:
        return total // 2 + 1

    for module in (tendermint, certificate):
        monkeypatch.setattr(module, "quorum", majority)
    assert found("twins")


def test_t11_votes_that_leave_before_they_are_written_are_found(monkeypatch: Patch) -> None:
    monkeypatch.setattr(replica.Replica, "_urgency", saying(saying(FREE)))
    assert found("crashes", seeds=24)


def test_t11_votes_that_a_restart_forgets_are_found(monkeypatch: Patch) -> None:
    begin = replica.Replica._begin

    def forgetful(self: replica.Replica) -> None:
        bare = replace(self.shell.state["consensus"], cast=Map())
        self.shell.state = {**self.shell.state, "consensus": bare}
        begin(self)

    monkeypatch.setattr(replica.Replica, "_begin", forgetful)
    assert found("crashes")


def test_where_nothing_was_planted_nothing_is_found() -> None:
    assert not found("liars")
    assert not found("crashes")
    assert not found("twins")

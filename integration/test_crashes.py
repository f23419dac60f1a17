"""Nodes that die, sleep and come back in the middle of everything, and what never happens then."""

import random
import time

import pytest

from integration.conftest import Founding
from integration.journals import agree, events, recompute
from integration.world import PATIENCE_S, Mesh, until, verified
from meshkit.client import Client
from meshkit.ledger.messages import BlockApplied
from meshkit.runtime.perform import SERVE_BLOCKS_MAX

KILLS_EACH = 3
REST_S = 1.0  # between two kills, at most: a start takes about one
WAITED_FOR = 0.6  # how often all may come back before the next dies


class Witness:
    """Remembers the rounds that a node has told it were committed: they are for ever."""

    def __init__(self, mesh: Mesh, task: str) -> None:
        self.mesh, self.task = mesh, task
        self.told: dict[int, str] = {}  # round to model

    def look(self) -> int:
        """What each node says now, held against all that was said before."""
        for number in range(len(self.mesh.homes)):
            found = self.mesh.task(number, self.task)
            for outcome in found["outcomes"] if found is not None else ():
                known = self.told.setdefault(outcome["round"], outcome["model"])
                assert known == outcome["model"], "a committed round has changed"
        return len(self.told)

    def check(self, outcomes: list[dict[str, object]]) -> None:
        """Nothing of what was told is lost."""
        final = {outcome["round"]: outcome["model"] for outcome in outcomes}
        assert self.told.items() <= final.items()


def settled(mesh: Mesh, task: str, rounds: int) -> None:
    """All nodes finish and agree; their journals hold one history, and it is right."""
    mesh.finish(task)
    mesh.stop(*range(len(mesh.homes)))
    agree(mesh.homes)
    assert recompute(mesh.homes) == rounds
    assert verified(mesh.homes)["evidence"] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_kill_9_at_any_moment_again_and_again(found: Founding, seed: int) -> None:
    rounds = 60
    mesh = found(propose_ms=300, vote_ms=200, step_ms=200)
    mesh.up()
    task = mesh.submit(rounds)
    witness, dice = Witness(mesh, task), random.Random(seed)
    for number in dice.sample([*range(4)] * KILLS_EACH, 4 * KILLS_EACH):
        time.sleep(dice.uniform(0, REST_S))
        witness.look()
        mesh.kill_9(number)
        mesh.start(number)
        if dice.random() < WAITED_FOR:
            mesh.ready()
    mesh.ready()
    witness.look()
    # Who dies before its first entry of that life has not started, as far as anybody knows.
    starts = [mesh.status(number)["starts"] for number in range(4)]
    assert all(1 < count <= 1 + KILLS_EACH for count in starts)
    witness.check(mesh.finish(task)["outcomes"])
    settled(mesh, task, rounds)


def test_all_at_once_in_the_middle_of_a_task(found: Founding) -> None:
    """First by kill -9, then as they are asked to: both times they go on where they were."""
    rounds = 40
    mesh = found()
    mesh.up()
    task = mesh.submit(rounds)
    witness = Witness(mesh, task)
    until(lambda: witness.look() >= 10, "ten rounds are committed")
    mesh.kill_9(*range(4))
    mesh.up()
    until(lambda: witness.look() >= 20, "twenty rounds are committed")
    mesh.stop(*range(4))
    assert [mesh.log(number) for number in range(4)] == [""] * 4
    mesh.up()
    witness.check(mesh.finish(task)["outcomes"])
    settled(mesh, task, rounds)


def test_who_was_away_for_long_catches_up(found: Founding) -> None:
    """For more blocks than are served at once; it trains again before the task is over."""
    mesh = found(propose_ms=100, vote_ms=100, step_ms=50)
    mesh.up()
    mesh.kill_9(3)
    missed = mesh.submit(10, name="missed")
    with mesh.client(0) as client:
        for number in range(SERVE_BLOCKS_MAX):
            client.note(b"%d" % number, PATIENCE_S)
    mesh.finish(missed, 0, 1, 2)
    task = mesh.submit(60)
    mesh.start(3)
    assert mesh.finish(task)["outcomes"][-1]["updates"] == 4
    assert mesh.status(3)["height"] > 10 + SERVE_BLOCKS_MAX
    assert mesh.finish(missed)["rounds_done"] == 10
    settled(mesh, task, 10 + 60)


def test_a_proposer_that_sleeps_through_its_turn(found: Founding) -> None:
    """SIGSTOP keeps its connections open: it is there, and says nothing."""
    rounds = 30
    mesh = found(propose_ms=300, vote_ms=200, step_ms=200)
    mesh.up()
    task = mesh.submit(rounds)
    witness = Witness(mesh, task)
    for awaited in (3, 10, 17):
        mesh.reach(task, awaited)
        sleeper = int(mesh.status(0)["proposer"].removeprefix("node-"))
        mesh.pause(sleeper)
        others = [number for number in range(4) if number != sleeper]
        mesh.reach(task, awaited + 4, others[0])
        mesh.go_on(sleeper)
    witness.look()
    witness.check(mesh.finish(task)["outcomes"])
    settled(mesh, task, rounds)


def test_a_lonely_node_is_a_mesh_too(found: Founding) -> None:
    rounds = 30
    mesh = found(1)
    mesh.up()
    task = mesh.submit(rounds, quorum=1)
    until(lambda: mesh.done(task) >= 5, "five rounds are committed")
    mesh.kill_9(0)
    mesh.up()
    mesh.finish(task)
    with mesh.client(0) as client:
        height = client.note(b"still here")
    mesh.stop(0)
    applied = [event.height for event in events(mesh.homes[0]) if isinstance(event, BlockApplied)]
    assert applied == list(range(1, height + 1))
    assert verified(mesh.homes)["ok"]


def test_a_second_process_on_a_home_does_not_start(found: Founding) -> None:
    mesh = found(1)
    mesh.up()
    before = mesh.children[0]
    second = mesh.start(0)
    assert second.wait() == 1
    assert mesh.log(0).count("\n") == 1
    assert "runs on" in mesh.log(0)
    assert mesh.ask(0, Client.status) is not None
    mesh.children[0] = before

"""Too few to decide: every node that is left says so, and since when; and then it goes on."""

import time
from functools import partial

from integration.conftest import Founding
from integration.journals import agree, recompute
from integration.world import Document, Mesh, meshkit, until, verified

ROUNDS = 40


def quorum(mesh: Mesh, number: int) -> Document:
    found: Document = mesh.status(number)["quorum"]
    return found


def is_lost(mesh: Mesh, number: int) -> bool:
    return not quorum(mesh, number)["reachable"]


def is_back(mesh: Mesh, number: int) -> bool:
    return bool(quorum(mesh, number)["reachable"])


def test_two_of_four_decide_nothing_and_say_since_when(found: Founding) -> None:
    mesh = found(propose_ms=300, vote_ms=200, step_ms=100)
    mesh.up()
    task = mesh.submit(ROUNDS)
    until(lambda: mesh.done(task) >= 5, "five rounds are committed")
    assert is_back(mesh, 0)
    killed_ns = time.time_ns()
    mesh.kill_9(2, 3)
    for number in (0, 1):
        until(partial(is_lost, mesh, number), "it notices that there is no quorum")
        said = quorum(mesh, number)
        assert said["weight_total"] == 4
        assert said["weight_heard"] <= 2
        # Since it stands still: a height that was under way has stood since before the kill.
        assert killed_ns - 60e9 < said["unreachable_since_ns"] < time.time_ns()
        assert said["unreachable_for_s"] > 0
    since_ns = quorum(mesh, 0)["unreachable_since_ns"]
    done = [mesh.done(task, number) for number in (0, 1)]
    table = meshkit("node", "status", "--home", mesh.homes[0])
    assert table.code == 0
    assert "no quorum can be reached since 2" in table.out
    assert "of a total weight of 4" in table.out
    # A command is taken, and whoever waits for it is told that nothing was decided.
    words = ("--home", mesh.homes[0], "--operator", mesh.operator_key, "--wait", 1)
    undecided = meshkit("task", "cancel", *words, task)
    assert "not decided within 1 s" in undecided.complains(5)
    assert [mesh.done(task, number) for number in (0, 1)] == done, "two of four decide nothing"
    assert quorum(mesh, 0)["unreachable_since_ns"] == since_ns

    mesh.start(3)
    until(partial(is_back, mesh, 0), "with one more there is a quorum again")
    # What was asked for meanwhile is decided now: the operator did not say it in vain.
    until(lambda: (mesh.task(0, task) or {}).get("status") == "cancelled", "the task is cancelled")
    again = mesh.submit(5, name="again")
    mesh.finish(again, 0, 1, 3)
    mesh.start(2)
    mesh.finish(again)
    mesh.stop(*range(4))
    assert [mesh.log(number) for number in range(4)] == [""] * 4
    agree(mesh.homes)
    assert recompute(mesh.homes) >= 5 + done[0]
    verified(mesh.homes)


def test_an_idle_mesh_without_a_quorum_finds_out_when_there_is_something_to_decide(
    found: Founding,
) -> None:
    mesh = found(propose_ms=300, vote_ms=200, step_ms=100)
    mesh.up()
    mesh.kill_9(1, 2)
    words = ("--home", mesh.homes[0], "--operator", mesh.operator_key, "--wait", 1)
    module = "meshkit.learning.tasks.softmax:Softmax"
    said = meshkit("task", "submit", *words, module, "--name", "patient", "--rounds", 3)
    assert "meshkit node status" in said.complains(5)
    until(partial(is_lost, mesh, 0), "it notices that there is no quorum")
    mesh.start(1)
    mesh.start(2)
    mesh.finish(until(lambda: listed(mesh), "what was asked for is decided in the end"))


def listed(mesh: Mesh) -> str:
    tasks = mesh.ask(0, lambda client: client.tasks()) or []
    return str(tasks[0]["id"]) if tasks else ""

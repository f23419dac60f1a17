"""What a node thinks, as documents, read from its state alone."""

from typing import Any

from msgspec.structs import replace

from meshkit import RULES, __version__
from meshkit.consensus.tendermint import stalled_since
from meshkit.consensus.tendermint.messages import PREVOTE, Vote
from meshkit.core.value import Value
from meshkit.rounds import unanswered
from meshkit.runtime.status import member_list, node_status, task_details, task_list
from tests.box import Box, a_task, member, signed
from tests.runtime.world import ME, World, a_genesis, a_member
from tests.runtime.world import OTHER as SOMEBODY


def drop_all(here: int, there: int, message: Value) -> Value | None:
    return None


def test_a_fresh_node_is_a_member_of_a_mesh_that_has_decided_nothing() -> None:
    box = Box(4)
    box.settle()
    status = node_status(box.ids[1], box.shells[1].state, box.now_ns)
    assert status == {
        "schema": "meshkit.node.status/v1",
        "release": __version__,
        "rules": RULES,
        "mesh": box.book().mesh.hex(),
        "mesh_name": "box",
        "node": box.ids[1].hex(),
        "name": "node-1",
        "member": True,
        "roles": ["trainer", "validator"],
        "height": 0,
        "proposer": status["proposer"],
        "starts": 0,
        "tasks_running": [],
        "quorum": {
            "weight_total": 4,
            "weight_heard": 0,
            "reachable": True,
            "unreachable_since_ns": None,
            "unreachable_for_s": None,
        },
        "accused": {},
    }
    assert status["proposer"] in {f"node-{number}" for number in range(4)}


def test_who_is_no_member_has_no_name_and_no_roles() -> None:
    box = Box(4)
    box.settle()
    status = node_status(b"x" * 32, box.shells[0].state, box.now_ns)
    assert (status["member"], status["name"], status["roles"]) == (False, "", [])


def test_before_it_is_founded_a_node_knows_of_no_proposer() -> None:
    with World(start=False) as world:
        status = node_status(ME.key, world.shell.state, 1)
        assert (status["mesh"], status["proposer"], status["height"]) == ("", "", 0)
        assert member_list(ME.key, world.shell.state) == []


def test_a_quorum_that_cannot_be_reached_is_said_with_since_when() -> None:
    box = Box(4, drop_all)
    box.submit(a_task())
    since: list[Any] = []

    def stalled() -> bool:
        quorum = node_status(box.ids[0], box.shells[0].state, box.now_ns)["quorum"]
        since.append(quorum["unreachable_since_ns"])
        return not quorum["reachable"]

    box.run(stalled)
    quorum = node_status(box.ids[0], box.shells[0].state, box.now_ns + 2_000_000_000)["quorum"]
    assert quorum["weight_heard"] < quorum["weight_total"] == 4
    assert quorum["unreachable_for_s"] >= 2
    assert stalled_since(box.shells[0].state["consensus"], box.now_ns) == since[-1]


def test_a_round_whose_lists_no_quorum_answers_is_stalled_too() -> None:
    """No height opens for it, so the engine misses nobody."""
    gone: list[int] = []

    def bend(here: int, there: int, message: Value) -> Value | None:
        return None if here in gone or there in gone else message

    box = Box(4, bend)
    task = box.submit(a_task(rounds_=500))
    box.run(lambda: task in box.book().tasks and box.book().tasks[task].round > 2)
    box.run(lambda: all(shell.state["consensus"].round < 0 for shell in box.shells))
    gone += [2, 3]
    shell = box.shells[0]
    box.run(lambda: bool(unanswered(shell.state["rounds"])))
    quorum = node_status(box.ids[0], shell.state, box.now_ns)["quorum"]
    assert (quorum["reachable"], quorum["weight_heard"]) == (False, 2)
    assert quorum["unreachable_since_ns"] == shell.state["rounds"].rounds[task].opened_ns
    gone.clear()
    box.run(lambda: bool(node_status(box.ids[0], shell.state, box.now_ns)["quorum"]["reachable"]))


def test_members_are_listed_with_what_the_ledger_has_of_them() -> None:
    with World(genesis=a_genesis(a_member(SOMEBODY, "other", ("trainer",)))) as world:
        listed = {one["name"]: one for one in member_list(ME.key, world.shell.state)}
    assert listed["me"] == {
        "id": ME.key.hex(),
        "name": "me",
        "roles": ["trainer", "validator"],
        "weight": 1,
        "validator": True,
        "admitted_height": 0,
        "direct": a_member(ME, "me").direct,
        "accused": False,
        "me": True,
    }
    assert (listed["other"]["validator"], listed["other"]["me"]) == (False, False)


def test_a_task_is_told_in_a_line_and_in_full() -> None:
    box = Box(4)
    assert task_details(box.shells[0].state, b"t" * 32) is None
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: task in box.book().tasks and box.book().tasks[task].round == 1)
    line = task_list(box.shells[0].state)
    details = task_details(box.shells[0].state, task)
    assert details is not None
    assert line == [{name: details[name] for name in line[0]}]
    assert (details["status"], details["rounds_done"], details["round"]) == ("running", 1, 1)
    assert len(details["committee"]) == 3
    assert len(details["standbys"]) == 1
    assert sorted(details["committee"] + details["standbys"]) == [member(n).name for n in range(4)]
    assert [one["updates"] for one in details["outcomes"]] == [4]
    status = node_status(box.ids[0], box.shells[0].state, box.now_ns)
    assert status["tasks_running"] == [task.hex()]


def test_who_is_proved_to_have_lied_is_named() -> None:
    def two_faced(here: int, there: int, message: Value) -> Value | None:
        if here == 0 and there == 1 and isinstance(message, Vote) and message.kind == PREVOTE:
            box.hear(1, box.ids[0], signed(replace(message, value_id=b"x" * 32)))
        return message

    box = Box(4, two_faced)
    box.submit(a_task(rounds_=2))
    box.run(lambda: box.ids[0] in box.book(1).accused)
    status = node_status(box.ids[1], box.shells[1].state, box.now_ns)
    assert status["accused"] == {box.ids[0].hex(): len(box.book(1).accused[box.ids[0]])}
    listed = member_list(box.ids[1], box.shells[1].state)
    assert [one["name"] for one in listed if one["accused"]] == ["node-0"]

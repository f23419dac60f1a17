"""The desk: what operators ask of a node, what it answers, and that no request stops it."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import zmq
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as some

from meshkit.codec import encode_body
from meshkit.core.machine import Wake
from meshkit.core.value import Value, digest
from meshkit.ledger.checks import NOTE_BYTES_MAX, item_id
from meshkit.ledger.messages import CancelTask, Note, RemoveMember, SubmitTask
from meshkit.pool.messages import OfferAll
from meshkit.runtime import desk as desks
from meshkit.runtime.desk import OperatorWindow
from meshkit.wire.envelope import sign_statements
from meshkit.wire.ipc import Request
from tests.runtime.world import (
    ME,
    MODULE,
    OPERATOR,
    OTHER,
    STRANGER,
    PretendedLane,
    World,
    a_genesis,
    a_member,
    a_task,
)

Answer = dict[str, Any]


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        made.settle()
        yield made


def ask(world: World, do: str, **fields: Any) -> Answer:
    answer = world.desk.answer(msgspec.msgpack.encode({"do": do, **fields}))
    world.desk.hand_in()
    return answer


def offer(world: World, item: Value, **fields: Any) -> Answer:
    return ask(world, "offer", item=encode_body(item), **fields)


def submission(world: World, **changed: Any) -> SubmitTask:
    item: SubmitTask = world.sign(SubmitTask(OPERATOR.key, 1, a_task(**changed)))
    return item


def reason(answer: Answer) -> str:
    assert not answer["ok"]
    text: str = answer["reason"]
    return text


# -- questions -------------------------------------------------------------------------------------


def test_the_status_is_the_nodes_own_with_what_only_the_process_knows(world: World) -> None:
    status = ask(world, "status")["status"]
    assert (status["name"], status["height"], status["starts"]) == ("me", 0, 1)
    assert status["head"]["index"] == world.journal.head.index
    assert status["workers"] == {"waiting": 0, "deaths": 0}
    assert status["effects"]["Broadcast"] >= 1


def test_members_are_listed_with_whether_they_can_be_reached() -> None:
    others = [a_member(OTHER, "near"), a_member(STRANGER, "far")]
    with World(genesis=a_genesis(*others)) as world:
        world.mesh.out_of_reach.add(STRANGER.key)
        members = ask(world, "members")["members"]
    assert {one["name"]: one["reachable"] for one in members} == {
        "me": True,
        "near": True,
        "far": False,
    }


def test_a_task_is_shown_with_its_trainers_figures(world: World) -> None:
    task = world.submit()
    [line] = ask(world, "tasks")["tasks"]
    assert (line["id"], line["status"]) == (task.hex(), "finished")
    assert (line["accuracy"], line["loss"]) == (0.9, 0.25)
    shown = ask(world, "task", id=task)["task"]
    assert [one["round"] for one in shown["figures"]] == [0, 1]
    assert all(one["committed_ns"] for one in shown["figures"])


def test_a_running_tasks_figures_are_those_of_its_open_round(world: World) -> None:
    world.trainer.held = True  # so that the first round stays open
    item = submission(world)
    offer(world, item)
    world.until(lambda: world.course(digest(item.task)) is not None)
    [line] = ask(world, "tasks")["tasks"]
    assert (line["status"], line["accuracy"]) == ("running", None)
    assert len(ask(world, "task", id=digest(item.task))["task"]["figures"]) == 1


def test_what_no_task_is_called_is_not_found(world: World) -> None:
    assert reason(ask(world, "task", id=b"t" * 32)).startswith("unknown-task: ")


def test_what_became_of_an_item_can_be_asked(world: World) -> None:
    item = submission(world)
    assert ask(world, "item", id=item_id(item))["item"] == {"state": "unknown"}
    offer(world, item)
    world.until(lambda: world.desk.outcome(item_id(item))["state"] == "applied")
    assert ask(world, "item", id=item_id(item))["item"] == {"state": "applied", "height": 1}


# -- offers ----------------------------------------------------------------------------------------


def test_an_item_that_an_operator_signed_goes_the_way_of_every_item(world: World) -> None:
    item = submission(world)
    answer = offer(world, item)
    assert answer == {"ok": True, "item": item_id(item).hex(), "wait": False}
    world.until(lambda: world.course(digest(item.task)) is not None)


def test_an_unsigned_item_is_refused(world: World) -> None:
    item = SubmitTask(OPERATOR.key, 1, a_task())
    assert reason(offer(world, item)).startswith("unsigned-statement: not signed for this mesh")


def test_an_item_signed_by_another_key_or_for_another_mesh_is_refused(world: World) -> None:
    foreign = sign_statements(SubmitTask(OPERATOR.key, 1, a_task()), OPERATOR, b"m" * 32)
    assert reason(offer(world, foreign)).startswith("forged-statement: ")


def test_an_operator_that_the_genesis_does_not_name_is_refused(world: World) -> None:
    item = world.sign(SubmitTask(STRANGER.key, 1, a_task()), STRANGER)
    assert reason(offer(world, item)).startswith("unknown-operator: ")


def test_an_operator_does_only_what_the_genesis_lets_it() -> None:
    with World(genesis=a_genesis(may=("cancel",))) as world:
        refusals = [
            reason(offer(world, world.sign(item)))
            for item in (
                SubmitTask(OPERATOR.key, 1, a_task()),
                RemoveMember(OPERATOR.key, 1, ME.key),
            )
        ]
    assert refusals == ["forbidden: operator may not submit", "forbidden: operator may not remove"]


def test_what_the_ledger_would_refuse_is_refused_at_once(world: World) -> None:
    item = world.sign(CancelTask(OPERATOR.key, 1, b"t" * 32))
    assert reason(offer(world, item)).startswith("unknown-task: ")
    assert reason(offer(world, submission(world, module="other:Task"))).startswith("not-allowed: ")
    assert world.shell.waiting == 0


def test_a_strategy_that_nobody_could_aggregate_by_is_refused(world: World) -> None:
    refusal = reason(offer(world, submission(world, strategy="magic")))
    assert refusal == "strategy: no strategy is called magic; there is fedavg"
    assert world.shell.waiting == 0


def test_only_signed_items_are_offered(world: World) -> None:
    assert reason(offer(world, Wake())) == "unknown-kind: only signed items are offered"


# -- notes -----------------------------------------------------------------------------------------


def test_notes_are_signed_by_the_node_and_numbered_on(world: World) -> None:
    first, second = (ask(world, "note", payload=text) for text in (b"one", b"two"))
    world.until(lambda: world.shell.state["ledger"].notes == 2)
    heights = [
        world.desk.outcome(bytes.fromhex(answer["item"]))["height"] for answer in (first, second)
    ]
    assert heights == sorted(heights)


def test_notes_after_a_restart_go_on_where_they_were(world: World) -> None:
    ask(world, "note", payload=b"one")
    world.until(lambda: world.shell.state["ledger"].notes == 1)
    world.settle()
    with World(world.disk) as again:
        ask(again, "note", payload=b"one")
        again.until(lambda: again.shell.state["ledger"].notes == 2)


def test_a_note_is_a_kilobyte_at_most(world: World) -> None:
    assert reason(ask(world, "note", payload=bytes(NOTE_BYTES_MAX + 1))).startswith("too-large: ")
    assert ask(world, "note", payload=bytes(NOTE_BYTES_MAX))["ok"]


def test_when_the_pool_has_no_room_a_note_is_refused() -> None:
    # The other validator never answers, so nothing is decided and all notes wait.
    with World(genesis=a_genesis(a_member(OTHER, "silent"))) as world:
        room = world.genesis.policy.pool_items_max
        for _ in range(room):
            assert ask(world, "note", payload=b"")["ok"]
            world.settle()
        assert reason(ask(world, "note", payload=b"")).startswith("full: ")


# -- the rest --------------------------------------------------------------------------------------


def test_a_blob_that_a_client_left_is_adopted(world: World) -> None:
    name = blake3(b"a blob").digest()
    world.incoming[name] = b"a blob"
    assert ask(world, "adopt", digest=name) == {"ok": True, "digest": name.hex()}
    assert world.blobs.get(name) == b"a blob"
    assert reason(ask(world, "adopt", digest=b"x" * 32)).startswith("missing: ")
    world.incoming[b"x" * 32] = b"a blob"
    assert reason(ask(world, "adopt", digest=b"x" * 32)).startswith("digest: ")


def test_a_task_is_warmed(world: World) -> None:
    assert ask(world, "warm", task=MODULE, parameters="{}") == {"ok": True}
    assert world.labour.figures["waiting"] == 1
    refusal = reason(ask(world, "warm", task=3, parameters="{}"))
    assert refusal == "malformed: 'task' and 'parameters' are to be text"


def test_the_head_is_shown_to_all(world: World) -> None:
    before = len(world.mesh.published)
    assert ask(world, "show-head") == {"ok": True}
    world.settle()
    assert len(world.mesh.published) == before + 1


@pytest.mark.parametrize(
    ("request_", "slug"),
    [
        (b"", "malformed"),
        (b"\xc1", "malformed"),
        (b"\x81\xa1\xff\xa1a", "malformed"),
        (b"\x81\xa2do" + b"\x91" * 200_000, "malformed"),
        (msgspec.msgpack.encode({"do": ["status"]}), "malformed"),
        (msgspec.msgpack.encode({"do": "task"}), "malformed"),
        (msgspec.msgpack.encode({"do": "task", "id": "text"}), "malformed"),
        (msgspec.msgpack.encode({"do": "offer", "item": b"\xff" * 9}), "malformed"),
        (msgspec.msgpack.encode({"do": "dance"}), "unknown"),
        (msgspec.msgpack.encode({}), "unknown"),
    ],
)
def test_nonsense_is_answered_with_a_refusal(world: World, request_: bytes, slug: str) -> None:
    assert reason(world.desk.answer(request_)).split(":")[0] == slug


with World() as _shared:
    _shared.settle()


@given(some.binary(max_size=200))
def test_whatever_the_bytes_there_is_an_answer(request_: bytes) -> None:
    assert "ok" in _shared.desk.answer(request_)


# -- behind the socket -----------------------------------------------------------------------------


class Counter:
    """The window at which operators stand in line."""

    def __init__(self, world: World) -> None:
        self.world, self.lane = world, PretendedLane()
        self.window = OperatorWindow(self.lane, world.desk)  # type: ignore[arg-type]  # no socket
        world.host.add(self.window)

    def ask(self, asker: bytes, do: str, **fields: Any) -> None:
        body = msgspec.msgpack.encode({"do": do, **fields})
        self.lane.requests.append(Request(asker, body))

    def heard(self) -> dict[bytes, Answer]:
        """Who was answered what, since the last time."""
        self.world.turn()
        answers, self.lane.answers = self.lane.answers, []
        # scan: unbounded-decode: what the desk here has just said
        return {asker: msgspec.msgpack.decode(body, type=Answer) for asker, body in answers}


def test_a_question_is_answered_at_once(world: World) -> None:
    counter = Counter(world)
    assert isinstance(counter.lane.watched[0], zmq.Poller)
    counter.ask(b"a", "tasks")
    assert counter.heard() == {b"a": {"ok": True, "tasks": []}}
    assert counter.heard() == {}


def test_who_waits_is_answered_once_the_item_is_applied(world: World) -> None:
    counter = Counter(world)
    counter.ask(b"a", "note", payload=b"hello", wait=True)
    heard: dict[bytes, Answer] = {}
    world.until(lambda: heard.update(counter.heard()) or heard)
    assert (heard[b"a"]["ok"], heard[b"a"]["state"]) == (True, "applied")
    assert heard[b"a"]["height"] == 1
    assert counter.heard() == {}


def test_who_waits_for_what_is_refused_at_once_is_told_at_once(world: World) -> None:
    counter = Counter(world)
    item = encode_body(world.sign(Note(OTHER.key, 1, b""), OTHER))
    counter.ask(b"a", "offer", item=item, wait=True)
    assert reason(counter.heard()[b"a"]).startswith("stranger: ")


def test_who_waits_is_told_of_a_refusal_that_came_later(world: World) -> None:
    counter = Counter(world)
    # Each is fit to be applied alone; whichever the ledger takes first, the other is void then.
    for asker, rounds in ((b"a", 1), (b"b", 2)):
        item = world.sign(SubmitTask(OPERATOR.key, 1, a_task(rounds=rounds)))
        counter.ask(asker, "offer", item=encode_body(item), wait=True)
    heard: dict[bytes, Answer] = {}
    world.until(lambda: heard.update(counter.heard()) or len(heard) == 2)
    applied, refused = sorted(heard.values(), key=lambda answer: not answer["ok"])
    assert (applied["state"], refused["state"]) == ("applied", "refused")
    assert refused["reason"].startswith("void: ")


def test_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "WAITING_MAX", 2)
    with World(genesis=a_genesis(a_member(OTHER, "silent"))) as world:
        counter = Counter(world)
        for asker in (b"a", b"b", b"c"):
            counter.ask(asker, "note", payload=asker, wait=True)
        assert counter.heard() == {}
        assert [asker for asker, _ in counter.window._waiting] == [b"b", b"c"]


def test_what_is_offered_together_is_one_command_and_one_entry(world: World) -> None:
    for payload in (b"one", b"two", b"three"):
        request = {"do": "note", "payload": payload}
        assert world.desk.answer(msgspec.msgpack.encode(request))["ok"]
    assert not world.shell.waiting
    world.desk.hand_in()
    world.desk.hand_in()
    [(command, _)] = world.shell.inbox
    assert isinstance(command.body, OfferAll)
    assert [item.serial for item in command.body.items if isinstance(item, Note)] == [1, 2, 3]

"""The desk: what operators and their tools ask of a running node, and what it answers.

A request is a msgpack map that names what to `do`; the answer is a map with `ok`, and either what
was asked for or a `reason` ("slug: words"). Questions are answered from the state and journal
nothing. An offer carries an item that an operator has signed: it is checked at once, so that
whoever typed it hears why not, and then goes the way of every item. The folder's mode is what keeps
strangers away from questions, the signature is what keeps them from commands.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from meshkit.codec import decode_body
from meshkit.core.composite import At
from meshkit.core.history import ShowHead
from meshkit.core.shell import Shell
from meshkit.core.value import Statement
from meshkit.journal import BlobPort
from meshkit.learning import STRATEGIES
from meshkit.ledger.checks import NOTE_BYTES_MAX, item_id
from meshkit.ledger.messages import ITEMS, Note, SubmitTask
from meshkit.ledger.state import next_serial
from meshkit.node import mesh_ledger
from meshkit.pool import Pool, highest_serial
from meshkit.pool.messages import Offer, OfferAll
from meshkit.runtime.labour import Labour
from meshkit.runtime.outcomes import Outcomes
from meshkit.runtime.status import member_list, node_status, task_details, task_list
from meshkit.wire.envelope import Refused, verify_statements
from meshkit.wire.ipc import OperatorLane

BLOB_BYTES_MAX = 256 * 2**20  # as the mesh carries
WAITING_MAX = 4_096  # who waits for an outcome; the oldest has surely given up (a guess)
Answer = dict[str, Any]


class Desk:
    """Answers the requests of one node's operators."""

    def __init__(
        self,
        me: bytes,
        shell: Shell,
        blobs: BlobPort,
        labour: Labour,
        outcomes: Outcomes,
        now_ns: Callable[[], int],
        reachable: Callable[[bytes], bool],
        incoming: Callable[[bytes], bytes | None],
        figures: Callable[[], Answer],
        sign: Callable[[Note], Note],
    ) -> None:
        self._me = me
        self._shell = shell
        self._blobs = blobs
        self._labour = labour
        self._outcomes = outcomes
        self._now_ns = now_ns
        self._reachable = reachable
        self._incoming = incoming
        self._figures = figures
        self._sign = sign
        self._ledger = mesh_ledger()
        self._pool = Pool(me, ITEMS)
        self._noted = 0  # the serial of our last note
        self._offers: list[Statement] = []  # that have just come in
        self._doing: dict[str, Callable[[Answer], Answer]] = {
            "status": self._status,
            "members": self._members,
            "tasks": self._tasks,
            "task": self._task,
            "item": self._item,
            "offer": self._offer,
            "note": self._note,
            "adopt": self._adopt,
            "show-head": self._show_head,
            "warm": self._warm,
        }

    def answer(self, request: bytes) -> Answer:
        """The answer to one request; whatever the bytes, it is an answer.

        An answer with an `item` and `wait` is no last word: see `OperatorWindow`.
        """
        try:
            # scan: unbounded-decode: the socket bounds a request (MAXMSGSIZE)
            asked = msgspec.msgpack.decode(request, type=dict[str, Any])
            doing = self._doing.get(asked.get("do", ""))
            if doing is None:
                return _refused("unknown: no such request; is the client of another release?")
            return {"ok": True, **doing(asked)}  # a refusal says so itself
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            return _refused(f"malformed: {error}")

    def hand_in(self) -> None:
        """What was offered since the last time goes to the pool, as one command."""
        offers, self._offers = self._offers, []
        if len(offers) == 1:
            self._shell.take(At("pool", Offer(offers[0])))
        elif offers:
            self._shell.take(At("pool", OfferAll(tuple(offers))))

    @property
    def settled(self) -> int:
        """How often an item was applied or refused."""
        return self._outcomes.settled

    def outcome(self, id_: bytes) -> Answer:
        """What became of an item: its `state`, and its `height` or a `reason`."""
        return self._outcomes.item(id_)

    # -- questions --------------------------------------------------------------------------------

    def overview(self) -> tuple[Answer, list[Answer], int]:
        """The status, the tasks and the number of members: what metrics are made of."""
        state = self._shell.state
        return self._status({})["status"], task_list(state), len(state["ledger"].members)

    def _status(self, asked: Answer) -> Answer:
        status = node_status(self._me, self._shell.state, self._now_ns())
        return {"status": {**status, **self._figures()}}

    def _members(self, asked: Answer) -> Answer:
        members = member_list(self._me, self._shell.state)
        for member in members:
            id_ = bytes.fromhex(member["id"])
            member["reachable"] = id_ == self._me or self._reachable(id_)
        return {"members": members}

    def _tasks(self, asked: Answer) -> Answer:
        return {"tasks": [self._with_figures(task) for task in task_list(self._shell.state)]}

    def _task(self, asked: Answer) -> Answer:
        details = task_details(self._shell.state, _bytes(asked, "id"))
        if details is None:
            return _refused("unknown-task: no such task is in the ledger")
        id_ = bytes.fromhex(details["id"])
        last = details["round"] + (details["status"] == "running")
        details["figures"] = [self._outcomes.round(id_, number) for number in range(last)]
        return {"task": self._with_figures(details)}

    def _with_figures(self, task: Answer) -> Answer:
        number = max(task["round"] - (task["status"] != "running"), 0)
        latest = self._outcomes.round(bytes.fromhex(task["id"]), number)
        return {**task, "accuracy": latest["accuracy"], "loss": latest["loss"]}

    def _item(self, asked: Answer) -> Answer:
        return {"item": self._outcomes.item(_bytes(asked, "id"))}

    # -- commands ---------------------------------------------------------------------------------

    def _offer(self, asked: Answer) -> Answer:
        item = decode_body(_bytes(asked, "item"))
        if not isinstance(item, Statement):
            return _refused("unknown-kind: only signed items are offered")
        state = self._shell.state
        mesh = state["ledger"].mesh
        try:
            verify_statements(item, mesh)
        except Refused as refused:
            return _refused(f"{refused.reason}: not signed for this mesh with the key it names")
        refusal = self._ledger.check(state["ledger"], item) or _check_strategy(item)
        if refusal:
            return _refused(refusal)
        self._offers.append(item)
        return {"item": item_id(item).hex(), "wait": bool(asked.get("wait"))}

    def _note(self, asked: Answer) -> Answer:
        """Put up to a kilobyte of the owner's into the order, signed by this node."""
        payload = _bytes(asked, "payload")
        state = self._shell.state
        if not self._noted:  # a former life's notes may wait; later ones are all from here
            self._noted = highest_serial(state["pool"], self._me)
        self._noted = max(self._noted + 1, next_serial(state["ledger"], self._me))
        note = self._sign(Note(self._me, self._noted, payload))
        refusal = self._pool.refusal(state["pool"], note)
        if not refusal and len(payload) > NOTE_BYTES_MAX:
            refusal = f"too-large: {len(payload)} bytes, of {NOTE_BYTES_MAX}"
        if refusal:
            return _refused(refusal)
        self._offers.append(note)
        return {"item": item_id(note).hex(), "wait": bool(asked.get("wait"))}

    def _adopt(self, asked: Answer) -> Answer:
        """Take over a blob that the client has left in the home's `incoming` folder."""
        digest = _bytes(asked, "digest")
        data = self._incoming(digest)
        if data is None:
            return _refused("missing: no such blob was left for the node")
        if self._blobs.put(data) != digest:
            return _refused("digest: the blob is not what its name says")
        return {"digest": digest.hex()}

    def _warm(self, asked: Answer) -> Answer:
        """Have the worker import a task and read its data before a round waits for it."""
        task, parameters = asked["task"], asked["parameters"]
        if not isinstance(task, str) or not isinstance(parameters, str):
            raise TypeError("'task' and 'parameters' are to be text")
        self._labour.warm(task, parameters)
        return {}

    def _show_head(self, asked: Answer) -> Answer:
        """Tell the others how far our journal goes, so that its tail can be missed."""
        self._shell.take(At("history", ShowHead()))
        return {}


def _check_strategy(item: Statement) -> str:
    # The ledger knows no strategies; without this, each round would end with nothing to add up.
    if isinstance(item, SubmitTask) and item.task.strategy not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        return f"strategy: no strategy is called {item.task.strategy}; there is {known}"
    return ""


def _bytes(asked: Answer, name: str) -> bytes:
    value = asked[name]
    if not isinstance(value, bytes):
        raise TypeError(f"{name!r} is to be bytes")
    return value


def _refused(reason: str) -> Answer:
    return {"ok": False, "reason": reason}


class OperatorWindow:
    """The desk behind its socket, as the host's loop knows it.

    Who asked to `wait` for an item is answered once it is applied or refused: no sooner, and
    without asking again and again. The client's own patience bounds the wait.
    """

    def __init__(self, lane: OperatorLane, desk: Desk) -> None:
        self._lane = lane
        self._desk = desk
        self._waiting: list[tuple[bytes, bytes]] = []  # who asked, for which item
        self._seen = (0, 0)  # how many items were settled, and who waited, when that was looked at

    def watch(self, poller: zmq.Poller) -> None:
        self._lane.watch(poller)

    def serve(self) -> None:
        for request in self._lane.receive():
            answer = self._desk.answer(request.body)
            if answer.get("ok") and answer.get("wait"):
                self._waiting.append((request.asker, bytes.fromhex(answer["item"])))
            else:
                self._say(request.asker, answer)
        self._desk.hand_in()
        if self._waiting and self._seen != (now := (self._desk.settled, len(self._waiting))):
            self._answer_waiting()
            self._seen = (now[0], len(self._waiting))

    def _answer_waiting(self) -> None:
        still: list[tuple[bytes, bytes]] = []
        for asker, item in self._waiting:
            outcome = self._desk.outcome(item)
            match outcome["state"]:
                case "applied":
                    self._say(asker, {"ok": True, "item": item.hex(), **outcome})
                case "refused":
                    self._say(asker, {"ok": False, "item": item.hex(), **outcome})
                case _:
                    still.append((asker, item))
        self._waiting = still[-WAITING_MAX:]

    def _say(self, asker: bytes, answer: Answer) -> None:
        self._lane.answer(asker, msgspec.msgpack.encode(answer))

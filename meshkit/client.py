"""The client: in Python what the command line does, against a running node on this machine.

    with Client("~/node", "~/operator.key") as client:
        task = client.submit("digits", "meshkit.learning.tasks.digits:Digits", rounds=10)
        for progress in client.watch(task):
            print(progress["rounds_done"], progress["accuracy"])

A client talks to the node over the socket in its home, which only the home's owner can open.
Questions need no more than that. Commands are signed here, with an operator's key that never leaves
this process; the mesh decides, by its genesis, what that key may do.

Answers are documents: dictionaries of what JSON has. Ids, keys and digests of 32 bytes are 64 hex
digits; units stand last in a name (`_ms`, `_ns` since 1970, `_s`); accuracies are shares from 0 to
1, and a loss is in the task's own unit.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from blake3 import blake3
from msgspec.structs import replace

from meshkit.codec import encode_body
from meshkit.core.value import Statement, digest
from meshkit.ledger.forms import (
    canonical_json,
    check_allowed,
    check_member,
    check_task,
    check_vote,
)
from meshkit.ledger.messages import CancelTask, Member, RemoveMember, SubmitTask, Task, Ticket
from meshkit.runtime.home import Home, HomeError
from meshkit.wire.envelope import sign_statements
from meshkit.wire.ipc import OperatorClient, is_running
from meshkit.wire.keys import Identity
from meshkit.wire.port import WireError

Document = dict[str, Any]

POLL_S = 0.1  # between questions while waiting: a round takes longer
ANSWER_MS = 10_000  # a node that folds a long journal at its start is silent for so long
WAIT_S = 30.0  # for an item to be decided: several rounds of consensus with dead proposers
WAIT_S_MAX = 31_536_000.0  # a year: whoever says more has made a slip (a guess)


class Refusal(Exception):
    """The node or the mesh will not do it; `slug` names why, the text says it in a line."""

    def __init__(self, reason: str) -> None:
        self.slug, _, words = reason.partition(":")
        super().__init__(words.strip() or self.slug)


class Undecided(Exception):
    """An item was taken and is not decided yet: the mesh may have no quorum."""


class Client:
    """Talks to the node of one home. A context manager; for one thread.

    Raises HomeError where there is no home. From then on everything raises WireError while no node
    runs there, or if it says nothing for 10 s, and Refusal where it says no. Commands raise
    KeyRefused where the operator's key cannot be read, and Undecided where the mesh has not decided
    within `wait_s`, a year at most: it may do so yet, and `status` says whether a quorum can be
    reached.
    """

    def __init__(self, home: str | Path, operator: str | Path | None = None) -> None:
        """`home` is a node's folder. `operator` is the file of an operator's key, read when it is
        first needed; without one, only questions can be asked. A leading `~` is understood."""
        self.home = Home.open(Path(home).expanduser())
        self._key_path = None if operator is None else Path(operator).expanduser()
        self._key: Identity | None = None
        try:
            self._socket = OperatorClient(self.home.path)
        except WireError as error:  # the path is too long for a socket
            raise HomeError(str(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the socket. Nothing can be asked any more."""
        self._socket.close()

    @property
    def operator(self) -> Identity:
        """The operator's key; raises KeyRefused if its file cannot be used, Refusal without one."""
        if self._key is None:
            if self._key_path is None:
                raise Refusal("no-operator: a command needs an operator's key: say --operator FILE")
            self._key = Identity.load(self._key_path)
        return self._key

    # -- questions --------------------------------------------------------------------------------

    def status(self) -> Document:
        """What the node thinks of itself and its mesh: its `name`, the decided `height`, who is
        `proposer` next, `tasks_running`, whether a `quorum` is reachable and since when not, who is
        `accused` of how much, the `head` of its journal, and all counters of the process."""
        status: Document = self._ask("status")["status"]
        return status

    def members(self) -> list[Document]:
        """Each member's `id`, `name`, `roles`, `weight` and address, the height it was admitted at,
        whether it is `accused`, whether it is `reachable` from here, and whether it is `me`."""
        members: list[Document] = self._ask("members")["members"]
        return members

    def tasks(self) -> list[Document]:
        """Each task's `id`, `name`, `module`, `strategy`, `status` ("running", "finished" or
        "cancelled"), `rounds` in all and `rounds_done`, the digest of its latest `model`, and the
        latest `accuracy` and `loss`; see `task`."""
        tasks: list[Document] = self._ask("tasks")["tasks"]
        return tasks

    def task(self, id_: str) -> Document:
        """A task in full; `id_` is its id in hex, or the beginning of it, or its name.

        Besides what `tasks` says: its settings, the names of the `committee` and `standbys` of the
        open round, of each round done the `outcomes` (`round`, `model`, how many `updates` counted
        and of how many `samples`), and of each round begun the `figures`. Those are the trainers'
        own, of the model the round began with, on data they held back, weighted by samples: claims
        that nobody has checked; None where nobody said any. Raises Refusal as `find` does.
        """
        task: Document = self._ask("task", id=self.find(id_))["task"]
        return task

    def find(self, id_: str) -> bytes:
        """The id, in 32 bytes, of the one task that `id_` names; raises Refusal ("unknown-task",
        "ambiguous") if there is none, or more than one."""
        tasks = self.tasks()
        found = [task for task in tasks if task["id"].startswith(id_) or task["name"] == id_]
        if not found:
            raise Refusal(f"unknown-task: no task is called {id_}")
        if len(found) > 1:
            raise Refusal(f"ambiguous: {len(found)} tasks are called {id_}; give more of the id")
        return bytes.fromhex(found[0]["id"])

    def watch(self, id_: str, every_s: float = POLL_S) -> Iterator[Document]:
        """The task, as `task` has it, each time it has moved on, until it has ended."""
        last: tuple[Any, ...] | None = None
        while True:
            task = self.task(id_)
            seen = (task["status"], task["rounds_done"], task["accuracy"])
            if seen != last:
                last = seen
                yield task
            if task["status"] != "running":
                return
            time.sleep(every_s)

    # -- commands ---------------------------------------------------------------------------------

    def submit(
        self,
        name: str,
        module: str,
        rounds: int,
        parameters: Document | None = None,
        wait_s: float = WAIT_S,
        **settings: Any,
    ) -> str:
        """Submit a learning task and wait until the mesh has opened it; its id in hex.

        `module` is "module:attribute", one that the genesis allows, and `parameters` the task's own
        settings. `settings` are further fields of `meshkit.ledger.messages.Task`: `quorum` updates
        after which a round may close (0: as many as there are trainers), `deadline_ms` after which
        it does (60,000), `patience_ms` for stragglers (1,000), the grid's `bits` (16) and
        `scale_bits` (12), the `strategy` ("fedavg"), and the `seed` of the first model (0).

        The first model is made here, so the task's package and what it needs must be installed;
        raises `meshkit.learning.Refused` where none can be made, and Refusal for what the policy
        or the ledger will not have.
        """
        task = self._make_task(name, module, rounds, parameters or {}, settings)
        self._offer(SubmitTask(self.operator.key, self._serial(), task), wait_s)
        return digest(task).hex()

    def cancel(self, id_: str, wait_s: float = WAIT_S) -> None:
        """End a task with the model of its last committed round; `id_` as for `task`."""
        self._offer(CancelTask(self.operator.key, self._serial(), self.find(id_)), wait_s)

    def remove(self, member: str, wait_s: float = WAIT_S) -> None:
        """Remove a member, by its name or the beginning of its id. It never returns."""
        id_ = self._find_member(member)
        self._offer(RemoveMember(self.operator.key, self._serial(), id_), wait_s)

    def ticket(self, card: Member, roles: tuple[str, ...], weight: int) -> Ticket:
        """A signed join ticket for the holder of `card`. Nothing is sent: the holder brings it.

        What the ledger would refuse in any case is refused here, before it is handed out.
        """
        admitted = replace(card, roles=roles, weight=weight)
        refusal = check_member(admitted) or check_vote(admitted, self.home.genesis.policy)
        if refusal:
            raise Refusal(refusal)
        if not any(
            one.key == self.operator.key and "admit" in one.may
            for one in self.home.genesis.operators
        ):
            raise Refusal("forbidden: the genesis does not let this operator admit members")
        ticket = Ticket(self.operator.key, self._serial(), card.id, roles, weight)
        return sign_statements(ticket, self.operator, self.home.mesh)

    def note(self, payload: bytes, wait_s: float = WAIT_S) -> int:
        """Have up to 1,024 bytes ordered by the mesh, signed by the node; the height it is at.
        Needs no operator."""
        answer = self._ask_and_wait(wait_s, "note", payload=payload)
        return int(answer["height"])

    def show_head(self) -> None:
        """Have the node tell the others how far its journal goes."""
        self._ask("show-head")

    def warm(self, module: str, parameters: Document | None = None) -> None:
        """Have the node's worker import a task and read its data now, before a round waits for it.
        Returns at once; what goes wrong is said by the training that needs it."""
        self._ask("warm", task=module, parameters=canonical_json(parameters or {}))

    # -- inside -----------------------------------------------------------------------------------

    def _make_task(
        self, name: str, module: str, rounds: int, parameters: Document, settings: Document
    ) -> Task:
        # Before its code runs here: the founders' word on it is at hand.
        if refusal := check_allowed(module, self.home.genesis.policy):
            raise Refusal(refusal)
        # Only a client that submits needs numpy, and perhaps torch.
        from meshkit.learning.grid import BITS_DEFAULT, SCALE_BITS_DEFAULT

        text = _json(parameters)
        defaults: Document = {
            "quorum": 0,
            "deadline_ms": 60_000,
            "patience_ms": 1_000,
            "bits": BITS_DEFAULT,
            "scale_bits": SCALE_BITS_DEFAULT,
            "strategy": "fedavg",
            "seed": 0,
        }
        chosen: Document = {
            **defaults,
            **{key: value for key, value in settings.items() if value is not None},
        }
        size, model = _first_model(module, text, chosen["seed"])
        task = Task(
            name=name,
            module=module,
            parameters=text,
            rounds=rounds,
            size=size,
            initial=blake3(model).digest(),
            **chosen,
        )
        if refusal := check_task(task, self.home.genesis.policy):
            raise Refusal(refusal)
        self._adopt(model)
        return task

    def _adopt(self, blob: bytes) -> None:
        """Give the node a blob."""
        self._ask("adopt", digest=self.home.leave_incoming(blob))

    def _serial(self) -> int:
        # An operator may have several clients and no memory: time is a serial that only grows.
        return time.time_ns() // 1_000

    def _find_member(self, name: str) -> bytes:
        members = self.members()
        found = [one for one in members if one["id"].startswith(name) or one["name"] == name]
        if not found:
            raise Refusal(f"unknown-member: no member is called {name}")
        if len(found) > 1:
            raise Refusal(f"ambiguous: {len(found)} members are called {name}; give more of the id")
        return bytes.fromhex(found[0]["id"])

    def _offer(self, item: Statement, wait_s: float) -> None:
        """Sign an item, hand it in, and wait until it is applied; raises Refusal or Undecided."""
        signed = sign_statements(item, self.operator, self.home.mesh)
        self._ask_and_wait(wait_s, "offer", item=encode_body(signed))

    def _ask_and_wait(self, wait_s: float, do: str, **fields: Any) -> Document:
        if not 0 <= wait_s <= WAIT_S_MAX:  # so put, it refuses what is no number, too
            raise Refusal(f"wait: from 0 to {WAIT_S_MAX:.0f} seconds, not {wait_s:g}")
        try:
            return self._ask(do, int(wait_s * 1_000), wait=True, **fields)
        except WireError as error:
            if not is_running(self.home.path):
                raise
            raise Undecided(
                f"not decided within {wait_s:g} s; meshkit node status says what is missing"
            ) from error

    def _ask(self, do: str, timeout_ms: int = ANSWER_MS, **fields: Any) -> Document:
        request = msgspec.msgpack.encode({"do": do, **fields})
        # scan: unbounded-decode: the answer comes from our own node, over its own socket
        answer = msgspec.msgpack.decode(self._socket.ask(request, timeout_ms), type=Document)
        if not answer.get("ok"):
            raise Refusal(str(answer.get("reason", "unknown: the node gave no reason")))
        return answer


def _json(parameters: Document) -> str:
    try:
        return canonical_json(parameters)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refusal(f"parameters: a task's settings are JSON: {error}") from None


def _first_model(module: str, parameters: str, seed: int) -> tuple[int, bytes]:
    """The size and the blob of the model that a task starts from; raises learning's Refused."""
    from meshkit.learning.grid import Refused
    from meshkit.learning.task import load
    from meshkit.learning.training import initial_model

    try:
        task = load(module, parameters, (module,))
        return task.size, initial_model(task, seed)
    except Refused:
        raise
    except (Exception, SystemExit) as error:  # the task's own code: users want the line
        words = f"{module} makes no model: {type(error).__name__}: {error}"
        raise Refused("task-failed", words) from error


__all__ = ["Client", "Refusal", "Undecided", "WireError"]

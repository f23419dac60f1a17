"""What a node thinks, as documents: of itself, its peers, its tasks. Read from its state alone."""

from typing import Any

from meshkit import RULES, __version__
from meshkit.consensus.engines import engine_of
from meshkit.core.composite import State
from meshkit.ledger.state import (
    RUNNING,
    Course,
    committee,
    is_validator,
    seats,
    validators,
)
from meshkit.ledger.state import State as Book
from meshkit.rounds import unanswered

SCHEMA = "meshkit.{}/v1"
NS_PER_S = 1_000_000_000

Document = dict[str, Any]


def node_status(me: bytes, state: State, now_ns: int) -> Document:
    """Who the node is, how far it has come, and since when it cannot decide anything, if so."""
    book: Book = state["ledger"]
    seat = book.members.get(me)
    total = sum(weight for _, weight in validators(book))
    stalled_ns, heard = _stall(state, now_ns)
    return {
        "schema": SCHEMA.format("node.status"),
        "release": __version__,
        "rules": RULES,
        "mesh": book.mesh.hex(),
        "mesh_name": book.name,
        "node": me.hex(),
        "name": seat.member.name if seat else "",
        "member": seat is not None,
        "roles": list(seat.member.roles) if seat else [],
        "height": book.height,
        "proposer": name_of(book, next_proposer(state)),
        "starts": state["history"].starts,
        "tasks_running": [id_.hex() for id_, course in _tasks(book) if course.status == RUNNING],
        "quorum": {
            "weight_total": total,
            "weight_heard": heard,
            "reachable": stalled_ns is None,
            "unreachable_since_ns": stalled_ns,
            "unreachable_for_s": None if stalled_ns is None else (now_ns - stalled_ns) / NS_PER_S,
        },
        "accused": {culprit.hex(): len(book.accused[culprit]) for culprit in sorted(book.accused)},
    }


def _stall(state: State, now_ns: int) -> tuple[int | None, int]:
    """Since when no quorum answers, be it to votes or to a round's lists; and the weight heard."""
    agreeing = state["consensus"]
    engine = engine_of(agreeing)
    heard = engine.heard_weight(agreeing)
    since_ns = engine.stalled_since(agreeing, now_ns)
    stalls = [(round_.opened_ns, round_.lists_weight) for round_ in unanswered(state["rounds"])]
    if since_ns is not None:
        stalls.append((since_ns, heard))
    return min(stalls, default=(None, heard))


def next_proposer(state: State) -> bytes:
    """Who proposes, or would, at the height that is not decided yet."""
    agreeing = state["consensus"]
    return engine_of(agreeing).leader(agreeing)


def name_of(book: Book, id_: bytes) -> str:
    seat = book.members.get(id_)
    return seat.member.name if seat else id_.hex()


def member_list(me: bytes, state: State) -> list[Document]:
    """The members as the ledger has them."""
    book: Book = state["ledger"]
    return [
        {
            "id": id_.hex(),
            "name": seat.member.name,
            "roles": list(seat.member.roles),
            "weight": seat.member.weight,
            "validator": is_validator(seat.member),
            "admitted_height": seat.admitted,
            "direct": seat.member.direct,
            "accused": id_ in book.accused,
            "me": id_ == me,
        }
        for id_, seat in seats(book)
    ]


def task_list(state: State) -> list[Document]:
    book: Book = state["ledger"]
    return [task_summary(book, id_, course) for id_, course in _tasks(book)]


def task_summary(book: Book, id_: bytes, course: Course) -> Document:
    """A task in one line."""
    done = len(course.outcomes) if course.outcomes else course.round
    return {
        "id": id_.hex(),
        "name": course.task.name,
        "module": course.task.module,
        "strategy": course.task.strategy,
        "status": course.status,
        "rounds": course.task.rounds,
        "rounds_done": done,
        "round": course.round,
        "model": course.model.hex(),
    }


def task_details(state: State, id_: bytes) -> Document | None:
    """A task with its settings, the committee of its open round and the outcome of each round."""
    book: Book = state["ledger"]
    course = book.tasks.get(id_)
    if course is None:
        return None
    names = {member: seat.member.name for member, seat in seats(book)}
    drawn = committee(book, id_, course.round)
    return {
        **task_summary(book, id_, course),
        "parameters": course.task.parameters,
        "quorum": course.task.quorum,
        "deadline_ms": course.task.deadline_ms,
        "patience_ms": course.task.patience_ms,
        "size": course.task.size,
        "seed": course.task.seed,
        "committee": [names.get(member, member.hex()) for member in drawn[: book.policy.committee]],
        "standbys": [names.get(member, member.hex()) for member in drawn[book.policy.committee :]],
        "outcomes": [
            {
                "round": number,
                "model": outcome.model.hex(),
                "updates": outcome.credits,
                "samples": outcome.samples,
            }
            for number, outcome in enumerate(course.outcomes)
        ],
    }


def _tasks(book: Book) -> list[tuple[bytes, Course]]:
    return sorted(book.tasks.items())

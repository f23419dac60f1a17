"""What clients believe, and that each request happens once, whatever is lost or forged."""

from dataclasses import dataclass
from functools import partial

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.consensus import sessions
from meshkit.consensus.pbft.clients import Caller, Reply, Request, cached, call, hear
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    Commit,
    NewView,
    Prepare,
    PrePrepare,
    ViewChange,
)
from meshkit.core.value import Statement, Value, signing_digest
from tests.consensus.pbft.liars import Silent
from tests.consensus.pbft.network import MESH, MS, SECOND, Net, Node, Weather, brain, name, sign
from tests.consensus.pbft.service import (
    Books,
    Client,
    Orders,
    Replica,
    ServiceNet,
    execute,
    passive,
)

FOUR = Map({name(n): 1 for n in range(4)})
ME = name(9)


def asked() -> Caller:
    return call(Caller(sessions.Client(ME)), b"\x01")


def reply(by: int, result: bytes = b"ok", sequence: int = 1, outcome: str = "fresh") -> Reply:
    return sign(Reply(0, ME, sequence, outcome, result, name(by)))


# -- what is believed -----------------------------------------------------------------------------


def test_p06_one_reply_is_not_believed_and_two_alike_of_four_are() -> None:
    caller, outcome = hear(asked(), reply(0), FOUR)
    assert outcome is None
    caller, outcome = hear(caller, reply(0), FOUR)
    assert outcome is None, "the same replica counts once"
    caller, outcome = hear(caller, reply(1, b"a lie"), FOUR)
    assert outcome is None
    caller, outcome = hear(caller, reply(2, outcome="repeated"), FOUR)
    assert outcome == sessions.Done(1, b"ok"), "done now or before is the same to a client"
    assert caller.request is None
    assert hear(caller, reply(3), FOUR) == (caller, None)


def test_p06_strangers_and_answers_to_something_else_do_not_count() -> None:
    caller = asked()
    for said in (reply(7), reply(1, sequence=2), replace(reply(1), client=name(8))):
        assert hear(caller, said, FOUR) == (caller, None)


def test_p06_weights_count() -> None:
    weights = Map({name(0): 3, name(1): 1, name(2): 1, name(3): 1})
    caller, outcome = hear(asked(), reply(1), weights)
    caller, outcome = hear(caller, reply(2), weights)
    assert outcome is None, "two of six are no more than a third"
    assert hear(caller, reply(0), weights)[1] == sessions.Done(1, b"ok")


def test_a_forgotten_session_is_an_unknown_outcome() -> None:
    caller, _ = hear(asked(), reply(0, b"", outcome=sessions.EXPIRED), FOUR)
    _, outcome = hear(caller, reply(1, b"", outcome=sessions.EXPIRED), FOUR)
    assert outcome == sessions.Unknown(1)


@pytest.mark.parametrize(
    "statement", [Request(ME, 3, b"i" * 32), Reply(3, ME, 3, "fresh", b"i" * 32, name(1))]
)
def test_p02_requests_and_replies_are_signed_with_all_that_they_say(statement: Statement) -> None:
    """And no signature of theirs is one of the other six kinds."""
    signed = signing_digest(statement, MESH)
    assert signed != signing_digest(statement, b"o" * 32)
    others = {int: 99, bytes: b"o" * 32, str: "stale"}
    for field in statement.__struct_fields__:
        if field not in statement.UNSIGNED:
            changed = replace(statement, **{field: others[type(getattr(statement, field))]})
            assert signing_digest(changed, MESH) != signed, field
    kinds: list[type[Statement]] = [PrePrepare, Prepare, Commit, Checkpoint, ViewChange, NewView]
    kinds += [Request, Reply]
    assert len({kind.DOMAIN for kind in kinds}) == 8


# -- the cache of replies -------------------------------------------------------------------------


def ordered(sequence: int) -> Request:
    return sign(Request(ME, sequence, b"\x01"))


def test_p07_the_last_reply_is_given_again_and_nothing_is_executed_again() -> None:
    books = execute(Books(), ordered(1))
    assert execute(books, ordered(1)) == books
    said = cached(books.table, ordered(1), 3, name(2))
    assert said == Reply(3, ME, 1, sessions.REPEATED, (1).to_bytes(8), name(2))
    assert cached(books.table, ordered(2), 3, name(2)) is None
    books = execute(books, ordered(2))
    assert books.sums[ME] == 2
    assert execute(books, ordered(1)) == books
    stale = cached(books.table, ordered(1), 0, name(2))
    assert stale is not None
    assert (stale.outcome, stale.reply) == (sessions.STALE, b"")


# -- clients and replicas -------------------------------------------------------------------------


@dataclass
class Forger(Replica):
    """Answers everything at once, and falsely."""

    def ask(self, request: Request, relay: bool) -> None:
        total = (666).to_bytes(8)
        self.answer(Reply(0, request.client, request.sequence, sessions.FRESH, total, self.me))


def settled(clients: list[Client]) -> bool:
    return all(len(client.outcomes) == client.count for client in clients)


def check_once(net: Net, replicas: list[Node], clients: list[Client]) -> None:
    """Every request was executed once by every replica, in one order, and its client knows."""
    net.run(net.now_ns + 20 * SECOND)
    orders = [replica.executed for replica in replicas if isinstance(replica, Replica)]
    assert all(order == orders[0] for order in orders)
    assert len(orders[0]) == len(set(orders[0])) == sum(client.count for client in clients)
    for client in clients:
        results = [one.reply for one in client.outcomes if isinstance(one, sessions.Done)]
        assert results == [n.to_bytes(8) for n in range(1, client.count + 1)]


@pytest.mark.parametrize("liar", range(4))
def test_p06_clients_against_a_replica_that_forges_replies(liar: int) -> None:
    """It may be the primary, too, which then ignores the clients: backups pass the request on."""
    net = ServiceNet(passive(), Weather(delay_ms=(1, 5)))
    honest = net.join((n for n in range(4) if n != liar), Replica)
    net.join([liar], Forger)
    clients = net.employ([20, 21, 22], 5)
    net.run(60 * SECOND, lambda: settled(clients))
    assert settled(clients)
    check_once(net, list(honest), clients)


@pytest.mark.parametrize("seed", range(6))
def test_p07_a_storm_of_retries_across_view_changes_and_state_transfer(seed: int) -> None:
    """Replicas crash and are cut off, the primary dies, and all is asked for again and again."""
    storm = Weather(
        loss=0.1,
        repeat=0.2,
        delay_ms=(1, 80),
        calm_ns=6 * SECOND,
        cut=lambda a, b: 3 in (a[0], b[0]),
    )
    net = ServiceNet(passive(), storm, seed, every=2)
    replicas = net.join(range(4), Replica)
    clients = net.employ([20, 21], 4, retry_ns=20 * MS)
    net.at(SECOND, partial(setattr, net.nodes[name(0)], "up", False))
    net.at(7 * SECOND, partial(revive, net.nodes[name(0)]))
    net.run(90 * SECOND, lambda: settled(clients))
    assert settled(clients)
    assert any(brain(node).view > 0 for node in replicas)
    check_once(net, list(replicas), clients)


def revive(node: Node) -> None:
    node.up = True
    node.restart()


@dataclass
class Splitter(Client):
    """Seals its request for some replicas only: the others cannot verify it."""

    def seal(self, request: Request, to: bytes) -> Request:
        good = sign(request)
        return good if to in (name(1), name(2)) else replace(good, signature=b"x" * 64)


def test_p15_a_client_whose_requests_only_some_can_verify_harms_nobody() -> None:
    """Who can verify it passes it on with a signature that all can verify: it is done, once."""
    net = ServiceNet(passive())
    replicas = net.join(range(4), Replica)
    clients = net.employ([20], 3, Splitter) + net.employ([21], 3)
    net.run(60 * SECOND, lambda: settled(clients))
    assert settled(clients)
    assert all(brain(node).view == 0 for node in replicas), "and costs no view"
    check_once(net, list(replicas), clients)


@dataclass
class Smuggler(Replica):
    """As the primary it assigns a request that its client never signed."""

    def send(self, to: bytes, message: Value) -> None:
        value = getattr(message, "value", None)
        if isinstance(value, Orders):
            forged = Request(name(21), 99, b"\xff", b"f" * 64)
            message = replace(message, value=replace(value, requests=(forged,)))
        self.net.post(self.me, to, message)


def test_p15_no_primary_can_make_up_a_request() -> None:
    net = ServiceNet(passive())
    honest = net.join((1, 2, 3), Replica)
    net.join([0], Smuggler)
    clients = net.employ([20, 21], 2)
    net.run(60 * SECOND, lambda: settled(clients))
    check_once(net, list(honest), clients)


def test_p06_a_primary_that_ignores_a_client_is_replaced() -> None:
    net = ServiceNet(passive())
    honest = net.join((1, 2, 3), Replica)
    net.join([0], Silent)
    clients = net.employ([20], 1)
    net.run(60 * SECOND, lambda: settled(clients))
    assert settled(clients)
    assert net.now_ns < 2 * SECOND
    assert all(brain(node).view == 1 for node in honest)

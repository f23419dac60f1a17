"""Which commands an honest shell takes from outside, and which are a liar's."""

import pytest

from meshkit.audit.causes import DOORS, fault_of_cause, fault_of_offer, fault_of_statements
from meshkit.consensus.engines import RAFT
from meshkit.consensus.messages import Judge, Propose
from meshkit.consensus.raft.messages import Campaign
from meshkit.core.composite import At
from meshkit.core.history import Head, ShowHead, Snapshot, Start
from meshkit.core.machine import Entry, Heard, Moment, Restarted, Wake
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.messages import (
    Accusation,
    Apply,
    Block,
    Found,
    Note,
    RemoveMember,
    Ticket,
)
from meshkit.pool.messages import LinkDrawn, Offer, OfferAll, Settle
from meshkit.rounds.messages import Close, TrainingFailed
from meshkit.wire.envelope import sign_statements
from tests.audit.world import OPERATOR, genesis_of, identity_of

ME, OTHER = identity_of(0), identity_of(1)
GENESIS = genesis_of(1)
MESH = digest(GENESIS)
BLOCK = Block(1, MESH, ME.key, b"l" * 32, ())
INDEX = 7


def fault(name: str, body: Value, envelope: bytes = b"") -> str:
    entry = Entry(Moment(1, 1), At(name, body), (), envelope)
    return fault_of_cause(entry, ME.key, MESH, INDEX)


def note(signer: bytes, signature: bytes = b"") -> Note:
    return Note(signer, 1, b"said", signature)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("", Wake()),
        ("", Restarted()),
        ("history", Start("1", 1)),
        ("history", ShowHead()),
        ("history", Snapshot(INDEX - 1, b"s" * 32)),
        ("ledger", Found(GENESIS)),
        ("pool", LinkDrawn(1, b"l" * 32)),
        ("pool", Offer(note(ME.key))),
        ("pool", OfferAll((note(ME.key), note(ME.key)))),
        ("rounds", TrainingFailed(b"t" * 32, 0, "no data")),
    ],
)
def test_what_comes_in_by_a_door(name: str, body: Value) -> None:
    assert fault(name, body) == ""
    assert any(isinstance(body, kinds) for kinds in DOORS.values())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("consensus", Judge(1, digest(BLOCK), True)),
        ("consensus", Propose(1, 0, BLOCK)),
        ("ledger", Apply(1, BLOCK)),
        ("pool", Settle(())),
        ("rounds", Close(b"t" * 32, "finished", b"m" * 32)),
        ("history", Wake()),
        ("", ShowHead()),
        ("consensus", Heard(OTHER.key, Head())),
    ],
)
def test_what_only_one_machine_asks_of_another(name: str, body: Value) -> None:
    assert "never comes from outside" in fault(name, body)


def test_what_a_peer_says_is_heard_by_some_machine() -> None:
    assert fault("history", Heard(OTHER.key, Head()), b"envelope") == ""
    assert "no machine hears a Block" in fault("", Heard(OTHER.key, BLOCK), b"envelope")


def test_a_snapshot_is_of_the_entry_before() -> None:
    assert fault("history", Snapshot(3, b"s" * 32)) == "a snapshot of entry 3"


def test_a_mesh_is_founded_on_its_own_genesis() -> None:
    assert "founds the mesh" in fault("ledger", Found(genesis_of(1, committee=5)))


def offered(item: Statement) -> str:
    return fault_of_offer(item, ME.key, MESH)


def test_items_from_outside_are_signed() -> None:
    remove = RemoveMember(OPERATOR.key, 1, OTHER.key)
    assert "did not sign" in offered(remove)
    assert offered(sign_statements(remove, OPERATOR, MESH)) == ""
    assert "did not sign" in offered(note(OTHER.key))
    assert offered(sign_statements(note(OTHER.key), OTHER, MESH)) == ""
    assert offered(sign_statements(note(ME.key), ME, MESH)) == ""
    assert "did not sign" in offered(note(ME.key, b"s" * 64))


def test_what_only_the_nodes_own_rules_make() -> None:
    said = sign_statements(note(OTHER.key), OTHER, MESH)
    accused = sign_statements(Accusation(ME.key, OTHER.key, said, said), ME, MESH)
    assert "of its own never comes from outside" in offered(accused)
    accused = sign_statements(Accusation(OTHER.key, OTHER.key, said, said), OTHER, MESH)
    assert offered(accused) == ""


def test_what_is_no_item() -> None:
    assert offered(Ticket(OPERATOR.key, 1, ME.key, (), 1)) == "a Ticket is no item"


def test_every_statement_inside_is_looked_at() -> None:
    inner = note(OTHER.key, b"s" * 64)
    accused = sign_statements(Accusation(ME.key, OTHER.key, inner, inner), ME, MESH)
    assert "a Note that" in fault_of_statements(accused, MESH)


def test_what_a_volatile_half_tells_is_let_in_where_the_engine_has_one() -> None:
    entry = Entry(Moment(1, 1), At("consensus", Campaign(1)), ())
    assert fault_of_cause(entry, ME.key, MESH, INDEX).startswith("a Campaign to consensus")
    assert RAFT.volatile is not None
    assert fault_of_cause(entry, ME.key, MESH, INDEX, RAFT.volatile.told) == ""


def test_each_of_what_is_offered_together_is_looked_at() -> None:
    assert fault("pool", OfferAll((note(ME.key), note(OTHER.key)))).startswith("a Note that")

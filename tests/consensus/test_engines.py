"""Every engine answers the questions that a node has, and is found by its name and by its state."""

import pytest

from meshkit.consensus.engines import ENGINES, RAFT, Engine, Timeouts, engine_of
from meshkit.consensus.messages import Ask, Begin, Certificate, Committed, Validator
from meshkit.core.machine import Moment
from meshkit.core.value import Statement
from meshkit.ledger import forms
from meshkit.ledger.messages import Note

ME, MESH = b"a" * 32, b"m" * 32
WAITS = Timeouts(1_000, 500, 500)

every_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))


@every_engine
def test_it_is_found_by_its_name_and_by_its_state(engine: Engine) -> None:
    state = engine.machine(ME, MESH, WAITS).initial()
    assert ENGINES[engine.name] is engine
    assert engine_of(state) is engine


@every_engine
def test_it_answers_before_and_after_it_has_begun(engine: Engine) -> None:
    machine = engine.machine(ME, MESH, WAITS)
    state = machine.initial()
    assert engine.leader(state) == b""
    assert engine.wanted(state) is None
    begun = machine.decide(state, Begin(1, (Validator(ME, 1),)), Moment(1, 1))
    assert type(begun[0]) is engine.begun
    for event in begun:
        state = machine.evolve(state, event)
    assert engine.leader(state) in (ME, b"")
    assert engine.is_dormant(state)
    assert engine.unjudged(state) == ()
    assert engine.stalled_since(state, 2) is None
    assert engine.heard_weight(state) >= 0
    assert not engine.leads(state)
    assert engine.turn(state) in ("round -1", "view 0", "term 0")
    assert not engine.is_late(state, ME, Ask(2), 2)


@every_engine
def test_what_it_says_is_its_own(engine: Engine) -> None:
    assert not set(engine.messages) & {Ask, Committed}
    for kind, names in engine.places.items():
        assert issubclass(kind, Statement)
        assert set(names) < set(kind.__struct_fields__)
        assert kind.SIGNER in names


def test_a_genesis_may_name_each_of_them() -> None:
    assert set(forms.ENGINES) == set(ENGINES)


def test_no_two_engines_share_a_message() -> None:
    messages = [kind for engine in ENGINES.values() for kind in engine.messages]
    assert len(messages) == len(set(messages))


def test_raft_attests_nothing_and_blames_nobody() -> None:
    note, certificate = Note(ME, 1, b""), Certificate(1, 1, b"v" * 32, ())
    assert not RAFT.attests
    assert RAFT.said(note) is None
    assert RAFT.deed(note) is None
    assert RAFT.culprits(certificate, certificate, (), ()) == ()

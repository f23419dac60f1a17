"""What an engine says of its volatile half."""

import pytest

from meshkit.consensus.engines import ENGINES, Engine, Timeouts
from meshkit.consensus.raft.beat import Tell

HALVED = [engine for engine in ENGINES.values() if engine.volatile is not None]


@pytest.mark.parametrize("engine", HALVED, ids=[engine.name for engine in HALVED])
def test_its_messages_are_the_engines_and_its_machine_is_another(engine: Engine) -> None:
    half = engine.volatile
    assert half is not None
    assert half.alone | half.both < set(engine.messages)
    assert not half.alone & half.both
    machine = half.machine(b"a" * 32, b"m" * 32, Timeouts())
    state = machine.initial()
    assert type(state) is not engine.state
    assert machine.deadline(state) is None
    assert half.tell is Tell


def test_raft_is_one_of_two_halves() -> None:
    assert [engine.name for engine in HALVED] == ["raft"]

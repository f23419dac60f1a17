"""A replica lives as a process does: it begins once, comes back as it was, and answers clients."""

from typing import Any

import pytest

from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.core.shell import FREE, NOW, Caused
from meshkit.journal.memory import Fault
from meshkit.sim.agenda import SECOND
from meshkit.sim.engines.client import Asked
from meshkit.sim.engines.kit import CONSENSUS
from meshkit.sim.engines.service import ADD, Answer, Call, Relay
from meshkit.sim.liars import Tongue
from meshkit.sim.voice import Spoken
from tests.sim.engines.grounds import KIT, called, world

ONE_MORE = Asked(ADD, 0, 1, 0)
CALLS = 5


def test_each_knows_the_others_and_the_clients_and_begins_at_height_one() -> None:
    made = world()
    for replica in made.replicas:
        assert len(replica.peers) == 3
        assert replica.peer_ids >= {client.me for client in made.clients}
        assert replica.shell.state[CONSENSUS].height == 1
        assert replica.members() == made.ids


def test_a_crashed_one_comes_back_as_it_was_and_catches_up() -> None:
    made = world()
    assert called(made, ONE_MORE) == [1]
    victim = made.replicas[0]
    victim.crash("test")
    assert called(made, ONE_MORE, ONE_MORE)[-1] == 3
    assert victim.books.registers[0] == 1
    victim.start()
    assert victim.books.registers[0] == 1
    made.agenda.run(made.agenda.now_ns + 100 * SECOND)
    assert victim.books.registers[0] == 3
    assert victim.books == made.replicas[1].books


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.KEPT, Fault.TORN, Fault.REORDERED, Fault.EIO])
def test_a_crash_at_every_write_breaks_nothing(fault: Fault) -> None:
    """T11 and the disk's row of D6: whatever the write that was the last, the others go on, and who
    comes back has all that it told."""
    writes = 0
    while True:
        made = world()
        victim = made.replicas[0]
        victim.disk.arm(fault, writes)
        assert called(made, *[ONE_MORE] * CALLS) == [*range(1, CALLS + 1)]
        struck = not victim.up
        if struck:
            victim.start()
        made.agenda.run(made.agenda.now_ns + 100 * SECOND)
        assert victim.books == made.replicas[1].books
        made.watch.finish()
        if not struck:
            break
        writes += 1
    assert writes > 3 * CALLS


def test_what_is_said_among_replicas_needs_no_disk_and_what_a_client_hears_does() -> None:
    urgency = world().replicas[0]._urgency()
    call = Call(b"c" * 32, 1, ADD, 0, 1)
    assert urgency(Relay(call)) == FREE
    assert urgency(Answer(call.client, 1, 1)) == NOW
    assert urgency(At) == KIT.urgency(At)


def test_nobody_performs_what_nobody_knows() -> None:
    replica = world().replicas[0]
    with pytest.raises(AssertionError, match="nobody performs"):
        replica.performer.perform(Caused(1, 0, At("consensus", Call(b"", 0, 0, 0))))


def test_an_answer_to_a_stranger_and_one_to_a_replica_are_lost() -> None:
    made = world()
    replica = made.replicas[0]
    replica.performer.perform(Caused(1, 0, At("service", Answer(b"nobody", 1, 1))))
    before = replica.commands
    heard: Any = Heard(made.replicas[1].me, Answer(b"x", 1, 1))
    replica.hear(Spoken(made.replicas[1].me, At("", heard), b"", 0))
    assert replica.commands == before


def test_who_lies_lies_to_clients_too() -> None:
    class Mute(Tongue):
        def say(self, to: bytes, message: object) -> tuple[()]:
            return ()

    made = world(Mute())
    assert called(made, ONE_MORE) == [1]

"""What the node says is signed where it is its own, and sealed with where it stands."""

from meshkit.codec import AHEAD, VOLATILE
from meshkit.consensus.messages import Ask
from meshkit.journal import Head
from meshkit.ledger.messages import Note
from meshkit.pool.messages import Offered
from meshkit.runtime.voice import Voice
from meshkit.wire.envelope import open_envelope, sign_statements
from tests.runtime.world import ME, OTHER

MESH = b"m" * 32
HEAD = Head(7, b"h" * 32)


def a_voice() -> Voice:
    return Voice(ME, MESH, lambda: HEAD)


def test_what_is_said_can_be_opened_and_names_its_cause() -> None:
    voice = a_voice()
    assert voice.me == ME.key
    note = Note(ME.key, 1, b"hello")
    signed, data = voice.say(note, entry=5, effect=2)
    envelope = open_envelope(data, MESH)
    assert signed == sign_statements(note, ME, MESH) == envelope.body
    assert (envelope.sender, envelope.entry, envelope.effect) == (ME.key, 5, 2)
    assert Head(envelope.head_index, envelope.head_hash) == HEAD


def test_each_message_has_a_number_of_its_own() -> None:
    voice = a_voice()
    said = [voice.say(Note(ME.key, 1, b""), 1, 0)[1] for _ in range(3)]
    assert [open_envelope(data, MESH).sequence for data in said] == [1, 2, 3]


def test_what_leaves_before_its_entry_or_has_none_names_no_cause() -> None:
    voice = a_voice()
    assert voice.durable == HEAD.index
    for data, kind in ((voice.ahead(Ask(1)), AHEAD), (voice.fleeting(Ask(1)), VOLATILE)):
        envelope = open_envelope(data, MESH)
        assert (envelope.kind, envelope.entry, envelope.effect) == (kind, 0, 0)
        assert Head(envelope.head_index, envelope.head_hash) == HEAD


def test_what_others_have_signed_passes_as_it_is() -> None:
    offered = Offered(sign_statements(Note(OTHER.key, 1, b"hello"), OTHER, MESH))
    signed, data = a_voice().say(offered, 1, 0)
    assert signed is offered
    assert open_envelope(data, MESH).body == offered

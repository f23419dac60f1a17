"""Effects are done, and what comes of them comes back as commands."""

from collections.abc import Iterator

import pytest
from blake3 import blake3
from msgspec.structs import replace

from meshkit.codec import AHEAD, VOLATILE
from meshkit.consensus.messages import Ask, Committed, Serve
from meshkit.consensus.raft.messages import (
    Append,
    Early,
    Heartbeat,
    Keep,
    LogEntry,
    Notice,
    Prompt,
)
from meshkit.consensus.raft.state import LEADER
from meshkit.core import shell
from meshkit.core.composite import At
from meshkit.core.history import Head
from meshkit.core.machine import Broadcast, Heard, Send
from meshkit.core.shell import FREE, LATER, NOW, Caused
from meshkit.core.value import Value
from meshkit.learning import encode_update
from meshkit.ledger.messages import Note
from meshkit.pool.messages import DrawLink, LinkDrawn, Offered
from meshkit.rounds.messages import (
    MALFORMED,
    MISSING,
    MODEL,
    OUT_OF_GRID,
    OVERSIZED,
    UPDATE,
    Fetch,
    Fetched,
    Train,
)
from meshkit.runtime import perform
from meshkit.runtime.perform import urgency
from meshkit.wire.envelope import open_envelope
from meshkit.wire.port import Fetched as Arrived
from tests.runtime.test_labour import SPEC
from tests.runtime.world import CHAIN, ME, OTHER, STEPS, World, a_genesis
from tests.runtime.world import MODEL as BASE

TASK = b"t" * 32
BLOB = encode_update(STEPS, 16)
NAME = blake3(BLOB).digest()
OUTSIDE = encode_update(STEPS, 16)[:-2] + b"\x00\x80"  # the one int16 that is in no grid


@pytest.fixture
def world() -> Iterator[World]:
    with World() as made:
        made.settle()
        made.mesh.published.clear()
        yield made


def do(world: World, effect: Value, entry: int = 1, number: int = 1) -> None:
    world.performer.perform([Caused(entry, number, At("rounds", effect))])


def taken(world: World) -> list[tuple[At, bytes]]:
    """The commands that came of it."""
    found, world.shell.inbox = world.shell.inbox, []
    return found


def fetch(form: str = UPDATE, blob: bytes = BLOB, **changed: int) -> Fetch:
    size = changed.get("size", len(blob))
    return Fetch(TASK, form, blake3(blob).digest(), size, (OTHER.key, ME.key), SPEC)


# -- what must be durable first --------------------------------------------------------------------


def test_what_is_said_to_all_is_urgent_and_work_inside_is_free() -> None:
    assert urgency(Broadcast(Head())) == NOW
    assert urgency(Send(OTHER.key, Head())) == LATER
    assert urgency(Serve(OTHER.key, 1)) == LATER
    assert urgency(DrawLink(1)) == FREE
    assert urgency(Early(OTHER.key, Head())) == shell.AHEAD
    assert urgency(Prompt(OTHER.key, Head())) == urgency(Keep()) == NOW
    assert urgency(Notice(OTHER.key, Head())) == FREE


# -- speaking --------------------------------------------------------------------------------------


def test_a_broadcast_is_sealed_and_names_its_cause(world: World) -> None:
    do(world, Broadcast(Head()), entry=2, number=3)
    [data] = world.mesh.published
    envelope = open_envelope(data, world.mesh_id)
    assert (envelope.entry, envelope.effect, envelope.body) == (2, 3, Head())
    assert taken(world) == []


def test_our_own_statement_comes_back_signed_with_the_envelope_as_evidence(world: World) -> None:
    do(world, Broadcast(Note(ME.key, 1, b"hello")))
    [data] = world.mesh.published
    signed = open_envelope(data, world.mesh_id).body
    assert taken(world) == [(At("pool", Heard(ME.key, signed)), data)]


def test_what_another_has_signed_is_passed_on_and_not_heard_again(world: World) -> None:
    note = world.sign(Note(OTHER.key, 1, b"hello"), OTHER)
    do(world, Broadcast(note))
    do(world, Broadcast(Offered(note)))
    assert len(world.mesh.published) == 2
    assert taken(world) == []


def test_a_message_to_one_who_is_out_of_reach_is_counted(world: World) -> None:
    do(world, Send(OTHER.key, Ask(1)))
    world.mesh.out_of_reach.add(OTHER.key)
    do(world, Send(OTHER.key, Ask(1)))
    assert [to for to, _ in world.mesh.sent] == [OTHER.key] * 2
    assert world.performer.counts["Send"] == 2
    assert world.performer.counts["unreachable"] == 1


def test_what_is_too_large_to_be_sent_is_counted_and_lost(world: World) -> None:
    world.mesh.body_bytes_max = 10
    do(world, Broadcast(Head()))
    assert world.performer.counts["too-large"] == 1


def test_blocks_are_served_up_to_a_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.submit()
    world.settle()
    monkeypatch.setattr(perform, "SERVE_BLOCKS_MAX", 2)
    do(world, Serve(OTHER.key, 2))
    bodies = [open_envelope(data, world.mesh_id).body for _, data in world.mesh.sent]
    assert all(isinstance(body, Committed) for body in bodies)
    assert bodies == [world.blocks.at(2), world.blocks.at(3)]


# -- inside ----------------------------------------------------------------------------------------


def test_links_are_drawn_from_our_own_chain(world: World) -> None:
    do(world, DrawLink(5))
    assert taken(world) == [(At("pool", LinkDrawn(5, CHAIN.link(5))), b"")]


def test_training_goes_to_the_workers(world: World) -> None:
    do(world, Train(TASK, 0, SPEC, blake3(BASE).digest(), bytes(32)))
    assert len(world.trainer.requests) == 1


def test_an_effect_that_nobody_performs_is_a_bug_of_ours(world: World) -> None:
    with pytest.raises(AssertionError, match="nobody performs"):
        do(world, Head())


# -- blobs -----------------------------------------------------------------------------------------


def answer(effect: Fetch, problem: str = "") -> list[tuple[At, bytes]]:
    fetched = Fetched(effect.task, effect.form, effect.digest, effect.size, problem)
    return [(At("rounds", fetched), b"")]


def test_a_blob_is_asked_of_all_but_ourselves_and_kept_once_it_is_here(world: World) -> None:
    effect = fetch()
    for _ in range(2):  # asked again while it is under way
        do(world, effect)
    assert world.mesh.asked == [(NAME, len(BLOB), [OTHER.key])] * 2
    assert taken(world) == []
    world.performer.arrived([Arrived(NAME, BLOB)])
    assert taken(world) == answer(effect)
    assert world.blobs.get(NAME) == BLOB
    world.performer.arrived([Arrived(NAME, BLOB)])
    assert taken(world) == []


def test_one_blob_may_answer_two_rounds(world: World) -> None:
    one, two = fetch(), fetch(size=len(BLOB) + 1)
    for effect in (one, two):
        do(world, effect)
    world.performer.arrived([Arrived(NAME, BLOB)])
    assert taken(world) == answer(one) + answer(two)


def test_a_blob_that_is_here_needs_no_asking(world: World) -> None:
    world.blobs.put(BLOB)
    do(world, fetch())
    assert world.mesh.asked == []
    assert taken(world) == answer(fetch())


def test_a_blob_that_nobody_has_is_missing(world: World) -> None:
    do(world, fetch())
    world.performer.arrived([Arrived(NAME, None, "nobody has it", fetch().size)])
    assert taken(world) == answer(fetch(), MISSING)


def test_what_is_not_to_be_had_in_one_size_is_still_awaited_in_another(world: World) -> None:
    wrong = replace(fetch(), size=fetch().size + 1)
    do(world, wrong)
    do(world, fetch())
    world.performer.arrived([Arrived(NAME, None, "nobody has it", wrong.size)])
    assert taken(world) == answer(wrong, MISSING)
    world.performer.arrived([Arrived(NAME, BLOB)])
    assert taken(world) == answer(fetch())


@pytest.mark.parametrize(
    ("form", "blob", "problem"),
    [
        (UPDATE, OUTSIDE, OUT_OF_GRID),
        (UPDATE, b"no blob at all", MALFORMED),
        (UPDATE, encode_update(STEPS // 64, 8), MALFORMED),  # of another grid: our word for it
        (UPDATE, BLOB + b"more", OVERSIZED),
        (MODEL, BLOB, MALFORMED),
        (MODEL, BASE, ""),
    ],
)
def test_a_blob_that_is_not_what_it_should_be_is_not_kept(
    world: World, form: str, blob: bytes, problem: str
) -> None:
    effect = fetch(form, blob)
    known = world.blobs.has(effect.digest)
    do(world, effect)
    world.performer.arrived([Arrived(effect.digest, blob)])
    assert taken(world) == answer(effect, problem)
    assert world.blobs.has(effect.digest) == (known or not problem)


# -- before the disk has it, and beside the journal ------------------------------------------------


@pytest.mark.parametrize("kind", [Early, Notice])
def test_what_leaves_before_its_entry_is_durable_names_none(world: World, kind: type[Send]) -> None:
    do(world, kind(OTHER.key, Head()))
    world.performer.tell()
    [(to, data)] = world.mesh.sent
    envelope = open_envelope(data, world.mesh_id)
    assert (to, envelope.kind, envelope.entry) == (OTHER.key, AHEAD, 0)


def test_what_is_waited_for_names_its_entry_and_to_keep_something_says_nothing(
    world: World,
) -> None:
    do(world, Prompt(OTHER.key, Head()), entry=1)
    do(world, Keep())
    [(_, data)] = world.mesh.sent
    assert open_envelope(data, world.mesh_id).entry == 1


def test_what_the_volatile_half_says_is_counted_by_what_it_is(world: World) -> None:
    world.performer.flit([Send(OTHER.key, Heartbeat(1, 1))])
    world.mesh.out_of_reach.add(OTHER.key)
    world.performer.flit([Send(OTHER.key, Heartbeat(1, 2))])
    [(_, data)] = world.mesh.sent[:1]
    assert open_envelope(data, world.mesh_id).kind == VOLATILE
    assert world.performer.counts["Heartbeat"] == 2


def test_who_leads_need_not_tell_the_others_what_it_will_propose() -> None:
    item = Note(ME.key, 1, b"hello")
    with World(genesis=a_genesis(engine="raft")) as alone:
        alone.settle()
        do(alone, Broadcast(Offered(alone.sign(item, ME))))
        assert len(alone.mesh.published) == 1
        alone.until(lambda: alone.shell.state["consensus"].role == LEADER)
        alone.settle()
        alone.mesh.published.clear()
        do(alone, Broadcast(Offered(alone.sign(item, ME))))
        assert alone.mesh.published == []
        do(alone, Broadcast(Head()))
        assert len(alone.mesh.published) == 1
        [offered] = [Broadcast(Offered(alone.sign(item, ME)))]
        assert alone.shell.urgency(offered) == FREE
        assert alone.shell.urgency(Broadcast(Head())) == NOW


def commit(number: int, *entries: LogEntry) -> Append:
    return Append(1, 0, 0, entries, number, not entries)


def test_of_a_commit_is_told_last_and_only_whom_no_entries_have_told(world: World) -> None:
    third = b"c" * 32
    do(world, Notice(OTHER.key, commit(3)))
    do(world, Notice(third, commit(3)))
    assert world.mesh.sent == []
    do(world, Early(OTHER.key, commit(3, LogEntry(1, 4, 0, 0))))
    world.performer.tell()
    assert [to for to, _ in world.mesh.sent] == [OTHER.key, third]
    do(world, Notice(OTHER.key, commit(4)))
    world.performer.tell()
    world.performer.tell()
    assert len(world.mesh.sent) == 3


def test_what_goes_to_several_is_sealed_once(world: World) -> None:
    entries = commit(3, LogEntry(1, 4, 0, 0))
    for to in (OTHER.key, b"c" * 32):
        do(world, Early(to, entries))
    [(_, first), (_, second)] = world.mesh.sent
    assert first is second

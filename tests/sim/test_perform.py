"""Effects in the box have the answers that the runtime's have, and die with the life that asked."""

from collections.abc import Sequence
from typing import Any

import pytest
from blake3 import blake3
from msgspec.structs import replace

from meshkit.consensus.messages import Committed, Serve
from meshkit.core.composite import At
from meshkit.core.machine import Broadcast, Heard, Send
from meshkit.core.shell import Caused
from meshkit.core.value import Value
from meshkit.ledger.messages import Note
from meshkit.pool.messages import DrawLink, LinkDrawn, Offer, Offered
from meshkit.rounds.messages import (
    MISSING,
    MODEL,
    UPDATE,
    Aggregate,
    Aggregated,
    Counted,
    Fetch,
    Fetched,
    Train,
    Trained,
    TrainingFailed,
)
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.mesh import Mesh
from meshkit.sim.perform import BLOB_PATIENCE_NS, SAMPLES_EACH
from meshkit.sim.process import STEADY, Process
from meshkit.sim.store import named
from meshkit.sim.voice import Spoken
from tests.sim.worlds import SPEC, founded

TASK = blake3(b"task").digest()
SEED = bytes(32)
ANSWERS = (LinkDrawn, Fetched, Trained, TrainingFailed, Aggregated)


class Ears:
    """The answers that a process gets, caught before its node steps them; the rest goes its way."""

    def __init__(self, process: Process, patch: pytest.MonkeyPatch) -> None:
        self.told: list[Any] = []
        self.take = process.shell.take
        patch.setattr(process.shell, "take", self.catch)

    def catch(self, command: At, envelope: bytes = b"") -> None:
        body = command.body
        own = isinstance(body, Heard) and isinstance(body.message, Note)
        if own or isinstance(body, ANSWERS):
            self.told.append(body)
        else:
            self.take(command, envelope)


@pytest.fixture
def made() -> Mesh:
    return founded()


@pytest.fixture
def ears(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> Ears:
    return Ears(made.processes[0], monkeypatch)


def perform(process: Process, effect: Value) -> None:
    process.performer.perform(Caused(1, 0, At("", effect)))


def rest(made: Mesh, wait_ns: int = 2 * SECOND) -> None:
    made.agenda.run(made.agenda.now_ns + wait_ns)


def first_model(process: Process) -> bytes:
    return process.store.blobs.put(process.mesh.craft.initial(SPEC))


def update_of(process: Process) -> bytes:
    """An update that this process has and others do not."""
    blob = process.mesh.craft.update(process.me, 0, SPEC, process.mesh.craft.initial(SPEC))
    return process.store.blobs.put(blob)


def fetch(name: bytes, *sources: Process, size: int = 36) -> Fetch:
    return Fetch(TASK, UPDATE, name, size, tuple(source.me for source in sources), SPEC)


def test_an_effect_that_nobody_knows_is_an_error(made: Mesh) -> None:
    with pytest.raises(AssertionError, match="nobody performs"):
        perform(made.processes[0], Offered(Note(bytes(32), 1, b"")))


def test_a_link_is_drawn_from_its_chain(made: Mesh, ears: Ears) -> None:
    process = made.processes[0]
    perform(process, DrawLink(3))
    assert ears.told == [LinkDrawn(3, process.person.link(3))]


# -- blobs -----------------------------------------------------------------------------------------


def test_a_blob_is_fetched_from_the_first_source_that_gives_it(made: Mesh, ears: Ears) -> None:
    process, without, holder = made.processes[:3]
    name = update_of(holder)
    perform(process, fetch(name, process, without, holder))
    perform(process, fetch(name, process, without, holder))
    rest(made)
    assert ears.told == [Fetched(TASK, UPDATE, name, 36, "")]
    assert process.store.blobs.has(name)
    perform(process, fetch(name))
    assert ears.told[1:] == ears.told[:1]  # it is here by now


def test_who_is_down_or_cut_off_is_given_up_and_the_next_one_asked(made: Mesh, ears: Ears) -> None:
    process, down, cut, holder = made.processes
    name = update_of(holder)
    down.crash("it was killed")
    made.network.cut.add((0, 2))
    perform(process, fetch(name, down, cut, holder))
    rest(made, 2 * BLOB_PATIENCE_NS)
    assert not ears.told
    rest(made)
    assert ears.told == [Fetched(TASK, UPDATE, name, 36, "")]


def test_what_nobody_has_is_missing_and_what_is_spoilt_is_refused(made: Mesh, ears: Ears) -> None:
    process, holder = made.processes[:2]
    spoilt = holder.store.blobs.put(made.craft.spoilt(b"update" + bytes(32)))
    perform(process, fetch(TASK, holder))
    perform(process, fetch(spoilt, holder))
    rest(made)
    problems = {told.digest: told.problem for told in ears.told}
    assert problems[TASK] == MISSING
    assert problems[spoilt] not in ("", MISSING)
    assert not process.store.blobs.has(spoilt)


def test_who_does_not_know_us_for_a_member_gives_us_nothing(made: Mesh, ears: Ears) -> None:
    process, holder = made.processes[:2]
    name = update_of(holder)
    holder.peer_ids -= {process.me}
    perform(process, fetch(name, holder))
    rest(made)
    assert [told.problem for told in ears.told] == [MISSING]


def test_a_liar_may_keep_its_blob(monkeypatch: pytest.MonkeyPatch) -> None:
    made = founded(4, "silent")
    process, liar = made.processes[0], made.processes[-1]
    ears = Ears(process, monkeypatch)
    perform(process, fetch(update_of(liar), liar))
    rest(made)
    assert [told.problem for told in ears.told] == [MISSING]


def test_what_is_under_way_ends_with_the_life_that_asked(made: Mesh, ears: Ears) -> None:
    process, holder = made.processes[:2]
    base = first_model(process)
    perform(process, fetch(update_of(holder), holder))
    perform(process, fetch(TASK, made.processes[2]))
    perform(process, Train(TASK, 0, SPEC, base, SEED))
    perform(process, Aggregate(TASK, 0, SPEC, base, SEED, ()))
    process.crash("it was killed")
    rest(made)
    assert not ears.told


# -- work ------------------------------------------------------------------------------------------


def test_training_makes_an_update_once_after_its_time(made: Mesh, ears: Ears) -> None:
    process = made.processes[0]
    base = first_model(process)
    effect = Train(TASK, 0, SPEC, base, SEED)
    for _ in range(2):
        perform(process, effect)
    rest(made, STEADY.train_ns - MS)
    assert not ears.told
    rest(made)
    (trained,) = ears.told
    assert isinstance(trained, Trained)
    assert trained.blob == named(made.blobs[trained.blob])
    assert trained.samples == SAMPLES_EACH
    assert process.store.blobs.has(trained.blob)


def test_an_older_round_is_trained_for_nobody(made: Mesh, ears: Ears) -> None:
    process = made.processes[0]
    base = first_model(process)
    for number in (0, 1):
        perform(process, Train(TASK, number, SPEC, base, SEED))
    rest(made)
    assert [told.round for told in ears.told] == [1]


def test_training_fails_without_a_model_or_by_bad_luck(made: Mesh, ears: Ears) -> None:
    process = made.processes[0]
    perform(process, Train(TASK, 0, SPEC, TASK, SEED))
    rest(made)
    process.pace = replace(STEADY, train_fails_ppm=1_000_000)
    perform(process, Train(TASK, 1, SPEC, first_model(process), SEED))
    rest(made)
    reasons = [told.reason.split(":")[0] for told in ears.told if isinstance(told, TrainingFailed)]
    assert reasons == ["missing", "failed"]


def test_a_liar_trains_what_its_tongue_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = founded(4, "spoiler")
    liar = made.processes[-1]
    ears = Ears(liar, monkeypatch)
    perform(liar, Train(TASK, 0, SPEC, first_model(liar), SEED))
    rest(made)
    assert made.blobs[ears.told[-1].blob].startswith(b"spoilt")


def test_an_aggregate_is_made_of_all_its_parts_or_not_at_all(made: Mesh, ears: Ears) -> None:
    process = made.processes[0]
    base, blob = first_model(process), update_of(process)
    whole = Aggregate(TASK, 0, SPEC, base, SEED, (Counted(process.me, blob, 3),))
    for effect in (whole, whole, replace(whole, round=1, credits=(Counted(SEED, TASK, 1),))):
        perform(process, effect)
    rest(made)
    made_of, missing = ears.told
    assert isinstance(made_of, Aggregated)
    parts = [(process.store.blobs.get(blob) or b"", 3)]
    assert made_of.problem == ""
    assert made_of.model == named(made.craft.model(SPEC, made.craft.initial(SPEC), parts))
    assert missing.problem == "missing"
    assert not missing.model
    assert process.store.blobs.get(made_of.model or b"") is not None
    assert MODEL


# -- speaking --------------------------------------------------------------------------------------


class Post:
    """The network's place: what leaves, and to whom."""

    def __init__(self, made: Mesh, patch: pytest.MonkeyPatch) -> None:
        self.left: list[tuple[int, Value]] = []
        patch.setattr(made.network, "post", self.post)

    def post(self, sender: int, hearers: Sequence[Process], said: Spoken, leaves_ns: int) -> None:
        self.left.extend((to.number, said.command.body.message) for to in hearers)


def test_what_is_said_is_signed_goes_to_everybody_and_comes_back(
    made: Mesh, ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, post = made.processes[0], Post(made, monkeypatch)
    note = Note(process.me, 1, b"words")
    perform(process, Broadcast(note))
    assert sorted(number for number, _ in post.left) == [1, 2, 3]
    assert {message for _, message in post.left} == {process.sign(note)}
    assert [told.message for told in ears.told] == [process.sign(note)]
    perform(process, Broadcast(Offered(process.sign(note))))
    assert len(ears.told) == 1


def test_what_is_sent_goes_to_one_that_is_a_member(
    made: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, post = made.processes[0], Post(made, monkeypatch)
    message = Offered(process.sign(Note(process.me, 1, b"words")))
    perform(process, Send(made.processes[2].me, message))
    perform(process, Send(b"a stranger", message))
    assert post.left == [(2, message)]


def test_blocks_are_served(made: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    process = made.processes[0]
    process.take(At("pool", Offer(Note(process.me, 1, b"words"))))
    rest(made)
    post = Post(made, monkeypatch)
    perform(process, Serve(made.processes[1].me, 1))
    assert [type(message) for _, message in post.left] == [Committed] * len(process.disk.blocks)
    assert post.left


def test_a_liar_says_what_its_tongue_says_and_a_forgery_never_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = founded(4, "silent")
    liar, honest = made.processes[-1], made.processes[0]
    post, forged = Post(made, monkeypatch), Note(honest.me, 1, b"not its words")
    tongue: Any = liar.tongue
    perform(liar, Broadcast(Note(liar.me, 1, b"words")))
    perform(liar, Send(honest.me, Offered(liar.sign(Note(liar.me, 1, b"words")))))
    assert not post.left

    def forge(to: bytes, message: Value) -> tuple[Value, ...]:
        return message, Offered(forged)

    monkeypatch.setattr(tongue, "say", forge)
    perform(liar, Broadcast(Note(liar.me, 1, b"words")))
    assert len(post.left) == made.watch.counts["forgery refused"] == 3
    monkeypatch.setattr(tongue, "stir", lambda: [(honest.me, Offered(forged))])
    liar.performer.stir()
    assert made.watch.counts["forgery refused"] == 4
    honest.performer.stir()  # who has no tongue says nothing unasked
    assert len(post.left) == 3

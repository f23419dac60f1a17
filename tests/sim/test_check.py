"""Each promise of the checker, shown to fail once it is broken."""

from collections.abc import Iterable
from typing import Any

import pytest
from blake3 import blake3
from msgspec.structs import replace

from meshkit.consensus.messages import Decided, EquivocationSeen
from meshkit.consensus.tendermint.messages import PREVOTE, Proposal, Vote
from meshkit.core.composite import At
from meshkit.core.machine import Entry, Moment, Restarted
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.messages import (
    Accused,
    Block,
    Credit,
    ItemRefused,
    Note,
    RoundCommitted,
    RoundOpened,
    Task,
    TaskOpened,
)
from meshkit.pool.messages import Offer
from meshkit.rounds.messages import (
    Attestation,
    AttestationConflict,
    Held,
    HeldConflict,
    HeldRefused,
    Spec,
    Update,
    UpdateConflict,
    UpdateRefused,
)
from meshkit.sim import check
from meshkit.sim.agenda import SECOND
from meshkit.sim.check import Broken, Checker, place_of
from meshkit.sim.labour import Parts, Tokens, recomputed
from meshkit.sim.mesh import Mesh, spec_of
from meshkit.sim.process import Process
from meshkit.sim.run import Run
from meshkit.sim.setting import Setting, Work
from tests.sim.worlds import CALM, founded

A, B = digest("a"), digest("b")
FILLER = Entry(Moment(1, 1), At("", Restarted()), (), b"")


def ordered(liar: str = "") -> Mesh:
    """A mesh that has decided a block or two."""
    mesh = founded(4, liar)
    first = mesh.processes[0]
    for number in (1, 2):
        first.take(At("pool", Offer(Note(first.me, number, b"words"))))
        mesh.agenda.run(mesh.agenda.now_ns + 2 * SECOND)
    assert first.shell.state["ledger"].height > 1
    return mesh


@pytest.fixture
def mesh() -> Mesh:
    return ordered()


def plant(process: Process, *bodies: Value) -> None:
    """Let the checker see an entry with these events."""
    entry = Entry(Moment(1, 1), At("", Restarted()), tuple(At("", body) for body in bodies), b"")
    observe = process.mesh.watch.observer(process)
    assert observe is not None
    observe(process.store.length, entry)


def last_block(process: Process) -> Decided:
    made = process.disk.blocks[max(process.disk.blocks)]
    return Decided(made.certificate, made.value)


# -- blocks ----------------------------------------------------------------------------------------


def test_the_same_block_may_be_decided_by_everybody(mesh: Mesh) -> None:
    for process in mesh.processes:
        plant(process, last_block(process))


def test_two_blocks_at_one_height(mesh: Mesh) -> None:
    process = mesh.processes[0]
    proof = last_block(process).certificate
    other = Note(process.me, 9, b"another block")
    with pytest.raises(Broken, match=f"second block was decided at height {proof.height}"):
        plant(process, Decided(replace(proof, value_id=digest(other)), other))


def test_another_value_than_was_proved(mesh: Mesh) -> None:
    process = mesh.processes[0]
    with pytest.raises(Broken, match="another value than was proved"):
        plant(process, Decided(last_block(process).certificate, Note(A, 1, b"")))


def test_a_block_decided_by_too_few(mesh: Mesh) -> None:
    process = mesh.processes[0]
    made = last_block(process)
    votes = made.certificate.votes
    next_one = replace(made.certificate, height=made.certificate.height + 1)
    block = follower(made)
    next_one = replace(next_one, value_id=digest(block))
    with pytest.raises(Broken, match="decided by too few"):
        plant(process, Decided(replace(next_one, votes=(votes[0],) * 4), block))
    assert len(votes) >= 3
    plant(process, Decided(next_one, block))


def follower(made: Decided) -> Block:
    """A block that may be decided after this one."""
    assert isinstance(made.value, Block)
    return replace(made.value, height=made.value.height + 1, previous=digest(made.value))


@pytest.mark.parametrize("wrong", [{"previous": A}, {"height": 9}])
def test_a_block_that_does_not_follow(mesh: Mesh, wrong: dict[str, Any]) -> None:
    process = mesh.processes[0]
    made = last_block(process)
    block = replace(follower(made), **wrong)
    proof = replace(made.certificate, height=made.certificate.height + 1, value_id=digest(block))
    with pytest.raises(Broken, match="does not follow the one before it"):
        plant(process, Decided(proof, block))


def test_a_block_that_holds_what_does_not_fit(mesh: Mesh) -> None:
    with pytest.raises(Broken, match="holds what does not fit: stale: words"):
        plant(mesh.processes[0], ItemRefused(A, "stale: words"))


def test_ledgers_that_differ_at_one_height(mesh: Mesh) -> None:
    process = mesh.processes[1]
    mesh.watch.arrived(process)
    book = process.shell.state["ledger"]
    process.shell.state = {**process.shell.state, "ledger": replace(book, notes=book.notes + 1)}
    with pytest.raises(Broken, match=r"node1 .* its ledger differs at height"):
        mesh.watch.arrived(process)


# -- models ----------------------------------------------------------------------------------------


class WrongSums(Tokens):
    """All members agree, and all of them are wrong."""

    def model(self, spec: Spec, base: bytes, parts: Parts) -> bytes:
        return super().model(spec, base, parts[1:])


def test_a_model_that_its_credits_do_not_make_though_all_agree_on_it() -> None:
    run = Run(0, CALM)
    run.mesh.craft = WrongSums()
    with pytest.raises(Broken, match="its credits do not make"):
        run.go()


def opened(mesh: Mesh) -> RoundOpened:
    """A task's first round, as the checker of this mesh knows it."""
    task = Task("t", "m:a", "{}", 1, 0, 1, 1, 10, 16, 12, "fedavg", A, 0)
    base = mesh.first_model(spec_of(task))
    begun = RoundOpened(digest(task), 0, base, B)
    plant(mesh.processes[0], TaskOpened(digest(task), task), begun)
    return begun


def committed(mesh: Mesh, samples: int) -> RoundCommitted:
    """A model made as it should be of one update that weighs so much."""
    begun, blob = opened(mesh), b"update"
    task = Task("t", "m:a", "{}", 1, 0, 1, 1, 10, 16, 12, "fedavg", A, 0)
    mesh.blobs[blake3(blob).digest()] = blob
    model = recomputed(False, spec_of(task), mesh.blobs[begun.base], [(blob, samples)])
    credited = (Credit(mesh.processes[0].me, blake3(blob).digest(), samples),)
    return RoundCommitted(begun.task, 0, blake3(model).digest(), credited)


def test_a_round_opened_from_two_models(mesh: Mesh) -> None:
    begun = opened(mesh)
    plant(mesh.processes[1], begun)
    with pytest.raises(Broken, match="opened from another model"):
        plant(mesh.processes[1], replace(begun, base=B))


def test_a_model_made_of_nothing(mesh: Mesh) -> None:
    begun = opened(mesh)
    plant(mesh.processes[0], RoundCommitted(begun.task, 0, begun.base, ()))
    with pytest.raises(Broken, match="made of nothing"):
        plant(mesh.processes[0], RoundCommitted(begun.task, 0, B, ()))


def test_an_update_that_weighs_more_than_the_policy_allows(mesh: Mesh) -> None:
    cap = mesh.genesis.policy.samples_max
    plant(mesh.processes[0], committed(mesh, cap))
    for samples in (cap + 1, 0):
        with pytest.raises(Broken, match="weighs more than the policy allows"):
            plant(mesh.processes[0], committed(mesh, samples))


# -- what is signed, and who is blamed -------------------------------------------------------------


def pairs(me: bytes) -> list[tuple[Statement, Statement]]:
    """Statements of one that exclude each other."""
    update = Update(me, A, 0, A, 1, 1, -1, -1)
    vote, proposal = Vote(PREVOTE, 9, 0, A, me), Proposal(9, 0, -1, A, me)
    held, attestation = Held(me, A, 0, (update,)), Attestation(me, A, 0, A, A)
    return [
        (vote, replace(vote, value_id=B)),
        (proposal, replace(proposal, value_id=B)),
        (update, replace(update, samples=2)),
        (held, replace(held, updates=())),
        (attestation, replace(attestation, model=B)),
    ]


@pytest.mark.parametrize("number", range(5))
def test_two_statements_that_exclude_each_other(number: int) -> None:
    mesh = ordered("silent")
    honest, liar = mesh.processes[0], mesh.processes[-1]
    first, second = pairs(honest.me)[number]
    mesh.watch.signed(honest, first)
    mesh.watch.signed(honest, replace(first, signature=b"again"))
    with pytest.raises(Broken, match="it signed two things"):
        mesh.watch.signed(honest, second)
    for statement in pairs(liar.me)[number]:
        mesh.watch.signed(liar, statement)


def test_what_may_be_said_anew_has_no_place() -> None:
    assert place_of(Note(A, 1, b"")) is None


def accusations(culprit: bytes) -> Iterable[Value]:
    (vote, other), _, updates, lists, attested = pairs(culprit)
    update, held = updates[0], lists[0]
    assert isinstance(update, Update)
    assert isinstance(held, Held)
    yield Accused(culprit, A, "vote", A, B)
    yield EquivocationSeen(culprit, vote, other)
    yield UpdateConflict(update, update)
    yield HeldConflict(held, held)
    yield HeldRefused(held, "improper")
    yield UpdateRefused(update, "malformed")
    assert isinstance(attested[0], Attestation)
    yield AttestationConflict(attested[0], attested[0])


@pytest.mark.parametrize("number", range(7))
def test_somebody_honest_is_blamed(number: int) -> None:
    mesh = ordered("silent")
    process, innocent, liar = mesh.processes[0], mesh.processes[1], mesh.processes[-1]
    plant(process, list(accusations(liar.me))[number])
    with pytest.raises(Broken, match=r"node0 .* somebody honest was blamed"):
        plant(process, list(accusations(innocent.me))[number])
    plant(liar, list(accusations(innocent.me))[number])  # whatever a liar's journal says


@pytest.mark.parametrize("lie", ["both-votes", "two-updates", "two-attestations", "over-cap"])
def test_a_liar_that_is_taken_for_honest_is_found_out(lie: str) -> None:
    run = Run(0, replace(CALM, liars=((3, (lie,)),)))
    run.mesh.processes[3].honest = True
    with pytest.raises(Broken, match="somebody honest was blamed"):
        run.go()


def test_twins_that_are_taken_for_honest_are_found_out() -> None:
    work = (Work(2 * SECOND, 3, 0, 1_000, 100),)
    run = Run(3, replace(CALM, twins=(3,), work=work, notes_ns=SECOND // 2))
    for process in run.mesh.processes:
        process.honest = True
    with pytest.raises(Broken, match=r"signed two things|was blamed"):
        run.go()


# -- life after life -------------------------------------------------------------------------------


def test_entries_that_were_acted_upon_and_are_lost(mesh: Mesh) -> None:
    process = mesh.processes[2]
    process.crash("it was killed")
    del process.disk.entries[-1:]
    with pytest.raises(Broken, match=r"node2 .* lost entries"):
        process.start()


def test_a_committed_block_that_is_lost(mesh: Mesh) -> None:
    process = mesh.processes[2]
    process.crash("it was killed")
    entries = process.disk.entries
    entries[1:] = [FILLER] * (len(entries) - 1)
    with pytest.raises(Broken, match="lost a committed block"):
        process.start()


def test_another_state_than_before(mesh: Mesh) -> None:
    process = mesh.processes[2]
    assert not process.shell.unsaved
    process.crash("it was killed")
    entries = process.disk.entries
    names = [{event.name for event in entry.events} for entry in entries]
    entries[max(at for at, name in enumerate(names) if name == {"pool"})] = FILLER
    with pytest.raises(Broken, match="came back in another state"):
        process.start()


def test_a_life_like_the_one_before_is_none_the_worse(mesh: Mesh) -> None:
    process = mesh.processes[2]
    process.crash("it was killed")
    process.start()
    mesh.watch.finish()
    assert mesh.watch.counts["restart"] == 1


def test_a_state_that_the_journal_does_not_lead_to(mesh: Mesh) -> None:
    process = mesh.processes[3]
    process.shell.state = {**process.shell.state, "pool": process.node.initial()["pool"]}
    with pytest.raises(Broken, match=r"node3 .* does not lead to its state"):
        mesh.watch.finish()


def test_whoever_does_not_want_it_is_spared_the_second_look(mesh: Mesh) -> None:
    checker: Any = mesh.watch
    checker.rechecks = False
    process = mesh.processes[3]
    process.shell.state = {**process.shell.state, "pool": process.node.initial()["pool"]}
    checker.finish()


def test_a_state_beyond_all_bounds(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh.watch.finish()
    largest = mesh.watch.counts["largest state"]
    monkeypatch.setattr(check, "STATE_BYTES_MAX", largest - 1)
    with pytest.raises(Broken, match=f"its state has {largest} bytes"):
        mesh.watch.finish()


# -- what runs are compared by ---------------------------------------------------------------------


def test_the_digest_tells_what_happened_and_the_outline_only_its_names(mesh: Mesh) -> None:
    process = mesh.processes[0]
    told = list[tuple[str, str]]()
    for words in (b"some words", b"others", b"others"):
        checker = Checker()
        checker.mesh = mesh
        entry = replace(FILLER, events=(At("", Note(process.me, 1, words)),))
        checker.observer(process)(1, entry)
        told.append((checker.digest.hexdigest(), checker.outline.hexdigest()))
    (first, outline), (second, again), third = told
    assert first != second
    assert outline == again
    assert third == (second, again)


def test_the_setting_is_a_calm_one() -> None:
    assert Setting() == CALM

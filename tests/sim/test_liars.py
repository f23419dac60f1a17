"""Each liar tells its lie; where a lie leaves evidence it is found, and no lie breaks a promise."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import NIL
from meshkit.consensus.tendermint.messages import PREVOTE, Known, Proposal, ValueJudged, Vote
from meshkit.core.composite import At
from meshkit.core.machine import Entry
from meshkit.core.value import Statement, Value, digest
from meshkit.ledger.messages import Block, Note
from meshkit.pool.messages import Offer, Offered
from meshkit.rounds.messages import Attestation, Held, Update
from meshkit.sim.agenda import MS, SECOND
from meshkit.sim.check import Checker
from meshkit.sim.liars import FLOOD_EACH, FLOODS_MAX, LIES, Chorus, Tongue, tongue
from meshkit.sim.process import Process
from meshkit.sim.setting import Setting, Work
from tests.sim.worlds import founded, ran

A = digest("a")
BUSY = Setting(
    work=tuple(Work((n * 1_000 + 100) * MS, 4, 0, 1_000, 100) for n in range(2)),
    notes_ns=300 * MS,
    safety_ns=5 * SECOND,
)
# What honest members find of a lie; of the others, silence and noise, nothing can be proved.
EVIDENCE = {
    "two-votes": ("EquivocationSeen", "Accused"),
    "both-votes": ("EquivocationSeen", "Accused"),
    "two-blocks": ("EquivocationSeen", "Accused"),
    "wrong-blocks": ("a block judged bad",),
    "wrong-results": ("ResultRefused",),
    "unfair-results": ("ResultRefused",),
    "two-updates": ("UpdateConflict", "Accused"),
    "over-cap": ("UpdateRefused", "UpdateConflict", "Accused"),
    "spoiler": ("UpdateRefused",),
    "false-lists": ("HeldRefused", "UpdateConflict", "Accused"),
    "two-attestations": ("AttestationConflict", "Accused"),
    "flood": ("EquivocationSeen", "UpdateConflict", "HeldConflict", "forgery refused", "Accused"),
    "slanderer": ("forgery refused",),
}


class Sharp(Checker):
    """Also counts what was judged bad."""

    def notice(self, process: Process, entry: Entry) -> None:
        bad = [e for e in entry.events if isinstance(e.body, ValueJudged) and not e.body.valid]
        self.counts["a block judged bad"] += len(bad)


@pytest.mark.parametrize("lie", [*LIES, "twin"])
def test_a_liar_breaks_no_promise_and_leaves_its_evidence(lie: str) -> None:
    twin = lie == "twin"
    setting = replace(BUSY, twins=(3,) if twin else (), liars=() if twin else ((3, (lie,)),))
    checker = Sharp()
    counts = dict(ran(1, setting, checker).counts)
    assert not [name for name in EVIDENCE.get(lie, ()) if not counts.get(name)]
    assert counts["finished tasks"] > 0 or twin


def test_nobody_is_blamed_where_nobody_lies() -> None:
    found = {name for names in EVIDENCE.values() for name in names}
    assert not found & dict(ran(1, BUSY, Sharp()).counts).keys() - {"a block judged bad"}


# -- each lie by itself ----------------------------------------------------------------------------


def liar(name: str) -> Process:
    """The last of four members, that lies so."""
    return founded(4, name).processes[-1]


def tongue_of(process: Process) -> Tongue:
    assert process.tongue is not None
    return process.tongue


def hearer(process: Process, favoured: bool) -> bytes:
    """Somebody of the half that it favours, or of the other."""
    made = tongue_of(process)
    return next(id_ for n in range(99) if made.favours(id_ := digest(n)) == favoured)


def own(process: Process) -> dict[str, Statement]:
    """What this member may have to say."""
    me = process.me
    update = process.sign(Update(me, A, 2, A, 1, 1, -1, -1))
    other = Update(bytes(32), A, 2, A, 1, 1, -1, -1)
    block = Block(1, A, me, A, ())
    said: list[Statement] = [
        Vote(PREVOTE, 1, 0, A, me),
        Proposal(1, 0, -1, digest(block), me, block),
        update,
        Held(me, A, 2, (other, update)),
        Attestation(me, A, 2, A, A),
    ]
    return {type(statement).__name__: process.sign(statement) for statement in said}


SPLIT = {
    "two-votes": "Vote",
    "two-blocks": "Proposal",
    "two-updates": "Update",
    "false-lists": "Held",
}


@pytest.mark.parametrize("lie", SPLIT)
def test_it_says_one_thing_to_some_and_another_to_the_rest(lie: str) -> None:
    process = liar(lie)
    truth = own(process)[SPLIT[lie]]
    made = tongue_of(process)
    assert list(made.say(hearer(process, True), truth)) == [truth]
    (other,) = made.say(hearer(process, False), truth)
    assert other != truth
    assert process.mesh.is_authentic(other)


@pytest.mark.parametrize(
    ("lie", "kind"), [("both-votes", "Vote"), ("two-attestations", "Attestation")]
)
def test_it_says_both_to_everybody(lie: str, kind: str) -> None:
    process = liar(lie)
    truth = own(process)[kind]
    first, second = tongue_of(process).say(digest(1), truth)
    assert first == truth != second
    assert process.mesh.is_authentic(second)


def test_who_votes_for_a_block_votes_for_nothing_to_others_and_the_other_way_round() -> None:
    process = liar("both-votes")
    for said in (A, NIL):
        vote = process.sign(Vote(PREVOTE, 1, 0, said, process.me))
        values = [v.value_id for v in tongue_of(process).say(A, vote) if isinstance(v, Vote)]
        assert values[0] == said
        assert (values[1] == NIL) == (said != NIL)


@pytest.mark.parametrize("lie", LIES)
def test_what_it_has_not_signed_itself_passes_as_it_is(lie: str) -> None:
    """Nobody can sign for others, so a liar may only pass on, or keep back, what they said."""
    process = liar(lie)
    for statement in own(process.mesh.processes[0]).values():
        for to in (hearer(process, True), hearer(process, False)):
            assert list(tongue_of(process).say(to, statement)) in ([statement], [])
        assert list(tongue_of(process).say(A, Offered(statement))) in ([Offered(statement)], [])


def test_wrong_blocks_are_wrong_in_six_ways() -> None:
    process = liar("wrong-blocks")
    lies = set[bytes]()
    for height in range(1, 7):
        block = Block(height, A, process.me, A, (process.sign(Note(process.me, 1, b"")),))
        proposal = process.sign(Proposal(height, 0, -1, digest(block), process.me, block))
        (lie,) = tongue_of(process).say(A, proposal)
        assert isinstance(lie, Proposal)
        assert lie.value_id == digest(lie.value) != digest(block)
        lies.add(lie.value_id)
    assert len(lies) == 6


def test_lists_hold_nothing_or_a_phantom_or_are_out_of_order() -> None:
    process = liar("false-lists")
    held = own(process)["Held"]
    assert isinstance(held, Held)
    told: list[tuple[Update, ...]] = []
    for number in (0, 1, 3):
        (lie,) = tongue_of(process).say(A, process.sign(replace(held, round=number)))
        assert isinstance(lie, Held)
        told.append(lie.updates)
    nothing, backwards, phantom = told
    assert nothing == ()
    assert backwards == held.updates[::-1]
    assert phantom != held.updates
    assert phantom[1:] != held.updates[1:] or phantom[0] != held.updates[0]


def test_an_update_over_the_cap() -> None:
    process = liar("over-cap")
    (lie,) = tongue_of(process).say(A, own(process)["Update"])
    assert isinstance(lie, Update)
    assert lie.samples == process.mesh.genesis.policy.samples_max + 1


def test_a_spoilt_update_and_a_withheld_one() -> None:
    spoiler, withholder = liar("spoiler"), liar("withholder")
    blob = b"update" + bytes(32)
    assert tongue_of(spoiler).train(blob) == spoiler.mesh.craft.spoilt(blob)
    given = [tongue_of(withholder).gives(p.me, A) for p in withholder.mesh.processes[:-1]]
    assert given.count(True) == 1


def test_the_silent_the_selective_and_the_whisperer() -> None:
    silent, selective, whisperer = (liar(name) for name in ("silent", "selective", "whisperer"))
    truth = own(silent)["Vote"]
    assert list(tongue_of(silent).say(A, truth)) == []
    assert not tongue_of(silent).gives(A, A)
    assert list(tongue_of(selective).say(hearer(selective, True), truth)) == [truth]
    assert list(tongue_of(selective).say(hearer(selective, False), truth)) == []
    others = [process.me for process in whisperer.mesh.processes[:-1]]
    assert sum(len(list(tongue_of(whisperer).say(to, truth))) for to in others) == 1


def test_the_forgetful_forgets_its_lock() -> None:
    process = liar("forgetful")
    consensus = process.shell.state["consensus"]
    wanted = replace(consensus, polka_round=0, valid_round=0, valid_id=A)
    locked = replace(wanted, locked_round=0, locked_id=A)
    process.shell.state = {**process.shell.state, "consensus": locked}
    assert list(tongue_of(process).stir()) == []
    assert process.shell.state["consensus"] == consensus
    assert list(tongue_of(process).stir()) == []


def stirred(process: Process, often: int) -> list[tuple[bytes, Value]]:
    return [said for _ in range(often) for said in tongue_of(process).stir()]


def test_the_replayer_says_old_words_again_to_some_member() -> None:
    process = liar("replayer")
    truth = own(process)["Vote"]
    assert truth not in [message for _, message in stirred(process, 50)]
    assert list(tongue_of(process).say(A, truth)) == [truth]
    again = stirred(process, 200)
    assert truth in [message for _, message in again]
    assert {to for to, _ in again} <= {peer.me for peer in process.mesh.processes[:-1]}


def test_a_flood_is_of_many_kinds_and_comes_to_an_end() -> None:
    process = liar("flood")
    said = stirred(process, 5_000)
    assert len(said) == FLOOD_EACH * FLOODS_MAX
    kinds = {type(message) for _, message in said}
    assert {Vote, Proposal, Known, Update, Held, Attestation, Offered} <= kinds
    votes = [message for _, message in said if isinstance(message, Vote)]
    assert all(process.mesh.is_authentic(vote) for vote in votes)
    assert not all(process.mesh.is_authentic(message) for _, message in said)


def test_the_slanderer_accuses_of_what_was_said_and_of_what_was_not() -> None:
    process = liar("slanderer")
    assert not stirred(process, 100)
    first = process.mesh.processes[0]
    first.take(At("pool", Offer(Note(first.me, 1, b"words"))))
    said = list[tuple[bytes, Value]]()
    for _ in range(4_000):
        process.mesh.agenda.run(process.mesh.agenda.now_ns + MS // 4)
        said += stirred(process, 20)
    assert {type(message) for _, message in said} == {Offered, Vote}
    assert {process.mesh.is_authentic(m) for _, m in said if isinstance(m, Vote)} == {True, False}


def test_a_chorus_lies_in_all_its_ways_at_once() -> None:
    process = liar("silent")
    both = tongue(("two-updates", "over-cap", "spoiler", "withholder", "flood"))
    assert isinstance(both, Chorus)
    both.bind(process)
    (lie,) = both.say(digest(1), own(process)["Update"])
    assert isinstance(lie, Update)
    assert lie.samples > process.mesh.genesis.policy.samples_max
    assert both.train(b"update" + bytes(32)).startswith(b"spoilt")
    assert not all(both.gives(digest(n), A) for n in range(3))
    assert [said for _ in range(200) for said in both.stir()]


def test_a_tongue_that_is_none_lies_not() -> None:
    process = liar("silent")
    honest = Tongue()
    honest.bind(process)
    truth = own(process)["Vote"]
    acts: list[Callable[[], object]] = [lambda: honest.gives(A, A), lambda: honest.train(A)]
    assert list(honest.say(A, truth)) == [truth]
    assert not list(honest.stir())
    assert [act() for act in acts] == [True, A]

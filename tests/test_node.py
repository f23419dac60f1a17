"""What stands between the machines: a task from its submission to its end, and what is refused."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from meshkit.consensus import messages as consensus
from meshkit.consensus.engines import TENDERMINT
from meshkit.consensus.tendermint.messages import (
    PREVOTE,
    Known,
    Proposal,
    Proposed,
    ValueJudged,
    Vote,
)
from meshkit.core.composite import At, State
from meshkit.core.history import Head, HeadNoted
from meshkit.core.machine import Heard, Moment, Restarted, recheck, replay
from meshkit.core.value import Statement, Value, digest
from meshkit.learning.grid import HEADER, Grid, model_bytes
from meshkit.ledger.beacon import LINKS
from meshkit.ledger.checks import item_id
from meshkit.ledger.messages import (
    Accusation,
    Accused,
    Block,
    CancelTask,
    Credit,
    Join,
    Note,
    NoteRecorded,
    Reanchor,
    RemoveMember,
    RoundResult,
    Ticket,
)
from meshkit.node import (
    MODEL_HEADER_BYTES,
    PARAMETER_BYTES,
    Policies,
    address,
    conflicts,
    mesh_node,
    opening,
    usual_policy,
)
from meshkit.pool import waiting
from meshkit.pool.messages import AnchorReady, ItemPooled, Offer, Offered, Settle
from meshkit.rounds.messages import (
    Attestation,
    AttestationConflict,
    Held,
    HeldConflict,
    Judged,
    Proof,
    RoundReopened,
    TaskClosed,
    Update,
)
from tests.box import MODULE, OPERATOR, Box, a_task, genesis_of, member, signed

TASK = b"t" * 32


def policies_of(me: bytes) -> Policies:
    return Policies(me, TENDERMINT)


def an_update(submitter: bytes, blob: bytes = b"b" * 32) -> Update:
    return Update(submitter, TASK, 0, blob, 216, 10, -1, -1)


def finished(box: Box, task: bytes) -> bool:
    return all(
        task in shell.state["ledger"].tasks
        and shell.state["ledger"].tasks[task].status != "running"
        for shell in box.shells
    )


def test_a_task_runs_from_its_submission_to_its_end_on_every_node() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: finished(box, task))
    box.settle()
    courses = [shell.state["ledger"].tasks[task] for shell in box.shells]
    assert {course.status for course in courses} == {"finished"}
    assert len({course.model for course in courses}) == 1
    assert [outcome.credits for outcome in courses[0].outcomes] == [4, 4, 4]
    assert len({shell.state["ledger"].height for shell in box.shells}) == 1
    # Each journal took note of how far the others go.
    assert all(len(box.events(number, HeadNoted)) == 3 for number in range(4))


def test_every_journal_of_a_run_decides_again_what_it_decided() -> None:
    box = Box(4)
    task = box.submit(a_task())
    box.run(lambda: finished(box, task))
    for node, log, shell in zip(box.nodes, box.logs, box.shells, strict=True):
        entries = log.entries
        assert replay(node, entries) == recheck(node, entries) == shell.state


def test_a_silent_trainer_stops_no_round() -> None:
    box = Box(4, lambda here, there, message: None if here == 3 else message)
    task = box.submit(a_task(rounds_=2))
    box.run(lambda: all(box.book(number).tasks.get(task) is not None for number in range(3)))
    box.run(lambda: all(box.book(number).tasks[task].status == "finished" for number in range(3)))
    assert [outcome.credits for outcome in box.book().tasks[task].outcomes] == [3, 3]


def test_who_votes_twice_is_accused_in_everybodys_ledger() -> None:
    def two_faced(here: int, there: int, message: Value) -> Value | None:
        if here == 0 and there == 1 and isinstance(message, Vote) and message.kind == PREVOTE:
            box.hear(1, box.ids[0], signed(replace(message, value_id=b"x" * 32)))
        return message

    box = Box(4, two_faced)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: finished(box, task))
    box.run(lambda: all(box.ids[0] in box.book(number).accused for number in range(4)))
    assert box.events(1, Accused)[0].culprit == box.ids[0]
    assert all(set(box.book(number).accused) == {box.ids[0]} for number in range(4))


def test_who_proposes_twice_in_a_row_takes_the_next_link_of_its_chain() -> None:
    """The second height is open as soon as it begins, for somebody spoke of it too early."""

    def hasty(here: int, there: int, message: Value) -> Value | None:
        if here == 3 and isinstance(message, Vote):
            early = Vote(PREVOTE, message.height + 1, 0, b"", box.ids[3])
            box.hear(there, box.ids[3], signed(early))
        if here == 0 and isinstance(message, Proposal):
            late = Note(box.ids[3], message.height, b"for the next block")
            box.hear(0, box.ids[3], Offered(signed(late)))
        return None if here == 3 and isinstance(message, Proposal | Known) else message

    box = Box(4, hasty)
    task = box.submit(a_task(rounds_=8))
    box.run(lambda: finished(box, task))
    heights = [proposed.height for proposed in box.events(0, Proposed)]
    assert any(later == earlier + 1 for earlier, later in pairwise(heights))
    assert all(judged.valid for number in range(3) for judged in box.events(number, ValueJudged))


def test_who_submits_twice_counts_for_nothing_and_is_accused() -> None:
    def two_faced(here: int, there: int, message: Value) -> Value | None:
        if here == 3 and there in (0, 1) and isinstance(message, Update):
            return signed(replace(message, blob=b"x" * 32))
        return message

    box = Box(4, two_faced)
    task = box.submit(a_task(rounds_=2))
    box.run(lambda: finished(box, task))
    box.run(lambda: all(box.ids[3] in box.book(number).accused for number in range(3)))
    assert all(outcome.credits == 3 for outcome in box.book().tasks[task].outcomes)


def test_a_wrong_aggregate_is_never_committed() -> None:
    lies: list[RoundResult] = []

    def liar(here: int, there: int, message: Value) -> Value | None:
        item = message.item if isinstance(message, Offered) else message
        if here != 3 or not isinstance(item, RoundResult) or item.collector != member(3).id:
            return message
        lie = signed(replace(item, model=b"l" * 32))
        lies.append(lie)
        return Offered(lie) if isinstance(message, Offered) else lie

    box = Box(4, liar)
    task = box.submit(a_task(rounds_=8))
    box.run(
        lambda: all(
            box.book(n).tasks[task].status == "finished" if task in box.book(n).tasks else False
            for n in range(3)
        )
    )
    assert lies, "node 3 was never the collector: choose another seed"
    models = {outcome.model for outcome in box.book().tasks[task].outcomes}
    assert b"l" * 32 not in models


def test_operators_cancel_admit_and_remove() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=500))
    box.run(lambda: task in box.book().tasks and box.book().tasks[task].round > 1)
    new = member(4)
    ticket = signed(Ticket(OPERATOR, 2, new.id, new.roles, 1))
    box.shells[1].take(At("pool", Offer(signed(Join(new.id, ticket, new)))))
    box.run(lambda: new.id in box.book().members)
    # The newcomer is silent; the rounds go on without it, and the open ones know of it.
    gone = signed(RemoveMember(OPERATOR, 3, new.id))
    box.shells[2].take(At("pool", Offer(gone)))
    box.run(lambda: new.id not in box.book().members)
    box.shells[0].take(At("pool", Offer(signed(CancelTask(OPERATOR, 4, task)))))
    box.run(lambda: finished(box, task))
    assert box.book().tasks[task].status == "cancelled"
    assert box.events(0, TaskClosed)[0].reason == "cancelled"


def test_a_removed_member_is_refused_from_the_next_entry_on() -> None:
    box = Box(4)
    box.settle()
    box.shells[0].take(At("pool", Offer(signed(RemoveMember(OPERATOR, 1, box.ids[3])))))
    box.run(lambda: all(box.ids[3] not in box.book(number).members for number in range(3)))
    state = box.shells[0].state
    admits = box.shells[0].node.guard
    note = signed(Note(box.ids[3], 1, b"let me in"))
    assert not admits(state, At("pool", Heard(box.ids[3], note)))
    assert not admits(state, At("pool", Heard(box.ids[1], Offered(note))))
    ask = consensus.Ask(1)
    assert not admits(state, At("consensus", Heard(box.ids[3], ask)))
    assert admits(state, At("consensus", Heard(box.ids[1], ask)))
    proof = consensus.Committed(consensus.Certificate(1, 0, b"v" * 32, ()), note)
    assert not admits(state, At("consensus", Heard(box.ids[3], proof)))
    assert admits(state, At("consensus", Heard(b"newcomers' only source", proof)))
    assert admits(state, At("", Restarted()))


def votes_of(box: Box, number: int) -> tuple[Vote, Vote]:
    first = Vote(PREVOTE, 1, 0, b"a" * 32, box.ids[number])
    return signed(first), signed(replace(first, value_id=b"b" * 32))


Flood = Callable[[Box, bytes, bytes, int], Statement]
FLOODS: dict[str, Flood] = {
    "a note whose serial is none": lambda box, task, liar, n: Note(liar, 0, b"%d" % n),
    "a note that is too large": lambda box, task, liar, n: Note(liar, 1, b"%08d" % n * 20_000),
    "a result of a round that is over": lambda box, task, liar, n: RoundResult(
        liar, task, 0, b"b" * 32, n.to_bytes(32, "big"), (), Proof((), ())
    ),
    "an accusation that proves nothing": lambda box, task, liar, n: Accusation(
        liar, box.ids[1], votes_of(box, 1)[0], replace(votes_of(box, 1)[0], round=n)
    ),
    "an operator's command by who is none": lambda box, task, liar, n: CancelTask(liar, n, task),
    "an anchor of a chain long begun": lambda box, task, liar, n: Reanchor(
        liar, 0, n.to_bytes(32, "big")
    ),
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_no_block_will_ever_hold_leaves_no_entry(flood: str, wrapped: bool) -> None:
    """Or one member could fill everybody's disk with it."""
    box = Box(4)
    task = box.submit(a_task(rounds_=2))
    box.run(lambda: finished(box, task))
    box.settle()
    before = len(box.logs[0].entries)
    for number in range(50):
        item = signed(FLOODS[flood](box, task, box.ids[3], number))
        said = Offered(item) if wrapped else item
        box.shells[0].take(At("pool", Heard(box.ids[3], said)))
    box.shells[0].tick()
    assert len(box.logs[0].entries) == before


def test_a_note_is_put_in_order() -> None:
    box = Box(1)
    box.shells[0].take(At("pool", Offer(Note(box.ids[0], 1, b"first"))))
    box.run(lambda: box.book().notes == 1)
    assert box.events(0, NoteRecorded)[0].author == box.ids[0]


def test_the_next_hash_chain_is_anchored_in_good_time() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=12))
    box.run(lambda: finished(box, task))
    anchors = [seat.next_anchor for seat in box.book().members.values()]
    assert any(anchors), "nobody's next chain stands in the ledger"


def test_what_is_no_block_is_voted_for_by_nobody() -> None:
    policies = policies_of(b"m" * 32)
    box = Box(4)
    box.settle()
    value = Note(box.ids[1], 1, b"no block")
    taken = consensus.ProposalTaken(1, 0, digest(value), box.ids[1], value)
    asked = list(policies.judge(box.shells[0].state, taken))
    assert asked == [At("consensus", consensus.Judge(1, digest(value), False))]


def test_a_result_whose_proof_is_something_else_is_dead_on_arrival() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=50))
    box.run(lambda: task in box.book().tasks)
    course = box.book().tasks[task]
    credit = Credit(box.ids[1], b"u" * 32, 10)
    lie = RoundResult(box.ids[1], task, course.round, course.model, b"m" * 32, (credit,), Head())
    box.hear(0, box.ids[1], Offered(signed(lie)))
    box.perform(0, box.shells[0].tick())
    held = box.shells[0].state["pool"]
    assert all(pending.item != signed(lie) for _, pending in sorted(held.items.items()))


def test_who_is_no_member_asks_for_no_links_and_proposes_nothing() -> None:
    genesis = genesis_of(4)
    node = mesh_node(b"z" * 32, genesis)
    policies = policies_of(b"z" * 32)
    box = Box(4)
    box.settle()
    state = box.shells[0].state
    assert list(policies.advance_links(state, Head())) == []
    assert list(policies.offer_anchor(state, _anchor_ready())) == []
    assert node.deadline(node.initial()) is None


def _anchor_ready() -> AnchorReady:
    return AnchorReady(LINKS + 1, b"a" * 32)


def test_an_anchor_that_is_ready_is_offered_as_that_of_the_next_chain() -> None:
    box = Box(4)
    box.settle()
    asked = list(policies_of(box.ids[0]).offer_anchor(box.shells[0].state, _anchor_ready()))
    assert asked == [At("pool", Offer(Reanchor(box.ids[0], 1, b"a" * 32)))]


@pytest.mark.parametrize(
    ("first", "second", "exclude"),
    [
        (Vote(1, 1, 0, b"a" * 32, b"v" * 32), Vote(1, 1, 0, b"", b"v" * 32), True),
        (Vote(1, 1, 0, b"a" * 32, b"v" * 32), Vote(2, 1, 0, b"", b"v" * 32), False),
        (Vote(1, 1, 0, b"a" * 32, b"v" * 32), Vote(1, 1, 0, b"a" * 32, b"v" * 32, b"s"), False),
        (
            Proposal(1, 0, -1, b"a" * 32, b"p" * 32, Head()),
            Proposal(1, 0, -1, b"a" * 32, b"p" * 32, None),
            False,
        ),
        (
            Proposal(1, 0, -1, b"a" * 32, b"p" * 32),
            Proposal(1, 0, 0, b"a" * 32, b"p" * 32),
            True,
        ),
        (an_update(b"s" * 32), an_update(b"s" * 32, b"c" * 32), True),
        (Held(b"h" * 32, TASK, 0, ()), Held(b"h" * 32, TASK, 0, (an_update(b"s" * 32),)), True),
        (
            Attestation(b"m" * 32, TASK, 0, b"l" * 32, b"1" * 32),
            Attestation(b"m" * 32, TASK, 0, b"k" * 32, b"2" * 32),
            False,
        ),
        (Note(b"a" * 32, 1, b"x"), Note(b"a" * 32, 1, b"y"), False),
        (Vote(1, 1, 0, b"a" * 32, b"v" * 32), an_update(b"v" * 32), False),
    ],
)
def test_which_statements_exclude_each_other(
    first: Statement, second: Statement, exclude: bool
) -> None:
    assert conflicts(first, second) is exclude
    assert conflicts(second, first) is exclude


def test_every_message_has_one_addressee_and_anything_else_has_none() -> None:
    assert address(Vote(1, 1, 0, b"", b"v" * 32)) == "consensus"
    assert address(an_update(b"s" * 32)) == "rounds"
    assert address(Offered(Note(b"a" * 32, 1, b""))) == "pool"
    assert address(Head()) == "history"
    assert address(Proof((), ())) == ""


def test_a_models_blob_is_as_large_as_rounds_are_told() -> None:
    assert HEADER.size == MODEL_HEADER_BYTES
    assert model_bytes(Grid(1_000).size) == MODEL_HEADER_BYTES + PARAMETER_BYTES * 1_000


def test_the_genesis_names_what_may_be_trained() -> None:
    box = Box(4)
    stranger = box.submit(a_task(module=MODULE + "Else"))
    box.settle()
    assert stranger not in box.book().tasks
    assert Moment(1, 1) == Moment(1, 1)


def test_two_lists_and_two_attestations_of_one_signer_are_accused() -> None:
    box = Box(1)
    policies = policies_of(b"m" * 32)
    lists = Held(b"h" * 32, TASK, 0, ()), Held(b"h" * 32, TASK, 0, (an_update(b"s" * 32),))
    asked = list(policies.accuse_holder(box.shells[0].state, HeldConflict(*lists)))
    assert asked == [At("pool", Offer(Accusation(b"m" * 32, b"h" * 32, *lists)))]
    words = (
        Attestation(b"a" * 32, TASK, 0, b"l" * 32, b"1" * 32),
        Attestation(b"a" * 32, TASK, 0, b"l" * 32, b"2" * 32),
    )
    asked = list(policies.accuse_member(box.shells[0].state, AttestationConflict(*words)))
    assert asked == [At("pool", Offer(Accusation(b"m" * 32, b"a" * 32, *words)))]


def test_a_result_that_waits_is_judged_when_its_round_opens() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: bool(_results(box, task)))
    state = box.shells[0].state
    reopened = RoundReopened(opening(state["ledger"], task), 0)
    asked = list(policies_of(box.ids[0]).judge_waiting(state, reopened))
    assert [command.name for command in asked] == ["rounds"] * len(_results(box, task))
    elsewhere = replace(reopened, opened=replace(reopened.opened, task=b"e" * 32))
    assert list(policies_of(box.ids[0]).judge_waiting(state, elsewhere)) == []


def with_verdicts(state: State, task: bytes, *verdicts: tuple[bytes, str]) -> State:
    """The state in which just this is known of the results of a task's open round."""
    round_ = replace(state["rounds"].rounds[task], verdicts=verdicts)
    book = replace(state["rounds"], rounds=state["rounds"].rounds.set(task, round_))
    return {**state, "rounds": book}


def test_only_what_was_found_right_goes_into_a_block() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: bool(_results(box, task)))
    (result, *_), state = _results(box, task), box.shells[0].state
    node = policies_of(box.ids[0])
    for reason, ready in ((None, False), ("wrong", False), ("", True)):
        verdicts = () if reason is None else ((item_id(result), reason),)
        assert (result in list(node._ready(with_verdicts(state, task, *verdicts)))) is ready


def test_a_block_waits_for_the_last_of_its_results_and_fails_with_the_first_wrong_one() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: bool(_results(box, task)))
    (result, *_), state = _results(box, task), box.shells[0].state
    node = policies_of(box.ids[0])
    other = signed(replace(result, collector=box.ids[3]))
    node.ledger.check_block = lambda state, block: ""  # type: ignore[method-assign]  # its form aside
    block = Block(1, b"p" * 32, box.ids[0], b"l" * 32, (result, other))
    taken = consensus.ProposalTaken(1, 0, b"v", box.ids[0], block)

    def asked(*verdicts: tuple[bytes, str]) -> list[Any]:
        return [at.body for at in node.judge(with_verdicts(state, task, *verdicts), taken)]

    right, wrong = (item_id(result), ""), (item_id(other), "wrong")
    assert asked(right, wrong) == [consensus.Judge(1, b"v", False)]
    assert asked(right, (item_id(other), "")) == [consensus.Judge(1, b"v", True)]
    (waits,) = asked(right)
    assert (waits.reference, waits.pooled) == (item_id(other), False)


def test_a_judgement_settles_what_is_wrong_and_opens_the_height_for_what_is_right() -> None:
    box = Box(4)
    task = box.submit(a_task(rounds_=3))
    box.run(lambda: bool(_results(box, task)))
    (result, *_), state = _results(box, task), box.shells[0].state
    node = policies_of(box.ids[0])
    name = item_id(result)

    def asked(reference: bytes, *verdicts: tuple[bytes, str]) -> list[Any]:
        judged = Judged(reference, task, 0, result.collector, True, True, "")
        now = with_verdicts(state, task, *verdicts)
        values = now["consensus"].values.set(b"w" * 32, Note(b"a" * 32, 1, b"no block of results"))
        now = {**now, "consensus": replace(now["consensus"], values=values)}
        told = node.take_judgement(now, judged)
        return [at.body for at in told if not isinstance(at.body, consensus.Judge)]

    assert asked(b"elsewhere") == []
    assert asked(name) == []
    assert asked(name, (name, "wrong")) == [Settle((result,))]
    assert asked(name, (name, ""))[0] == consensus.Open()


def test_a_draft_outlives_the_height_in_which_it_was_made() -> None:
    """Its signature may be under way while a block is decided: then it must not be forgotten."""
    box = Box(1)
    box.settle()
    shell = box.shells[0]
    shell.take(At("pool", Offer(Note(box.ids[0], 1, b"a draft"))))
    shell.tick()  # nobody signs it yet
    shell.take(At("pool", Offer(signed(Note(box.ids[0], 2, b"a note")))))
    box.run(lambda: shell.state["ledger"].notes == 1)
    (draft,) = waiting(shell.state["pool"])
    assert draft == Note(box.ids[0], 1, b"a draft")
    shell.take(At("pool", Heard(box.ids[0], signed(draft))))
    box.run(lambda: shell.state["ledger"].notes == 2)


def _results(box: Box, task: bytes) -> list[RoundResult]:
    held = box.shells[0].state["pool"]
    return [
        pending.item
        for _, pending in sorted(held.items.items())
        if isinstance(pending.item, RoundResult) and pending.item.task == task
    ]


def test_an_item_that_may_not_go_in_yet_opens_no_height() -> None:
    box = Box(4)
    box.settle()
    early = signed(CancelTask(OPERATOR, 1, b"u" * 32))  # of a task that may still be opened
    pooled = ItemPooled(early, b"i" * 32, True, 100, 1, False)
    assert list(policies_of(box.ids[0]).take_item(box.shells[0].state, pooled)) == []


def test_each_engine_has_patience_of_its_own_unless_the_mesh_says_otherwise() -> None:
    quick = usual_policy("raft", propose_ms=300)
    assert (quick.propose_ms, quick.vote_ms) == (300, 50)

"""Which items may be applied, kind by kind: each refusal has its story."""

from typing import Any

import pytest
from immutables import Map
from msgspec.structs import replace

from meshkit.core.value import digest
from meshkit.ledger import checks
from meshkit.ledger.beacon import ANCHOR_MARGIN, LINKS
from meshkit.ledger.checks import CHARGES_MAX, NOTE_BYTES_MAX, has_standing, hopeless, item_id
from meshkit.ledger.messages import Credit, Reanchor, RemoveMember
from meshkit.ledger.state import SERIALS_KEPT, Former
from tests.ledger.world import (
    ADA,
    BOB,
    CHAINS,
    CYD,
    DAN,
    EVE,
    GENESIS,
    MODEL,
    OLGA,
    PAUL,
    SIGNED,
    TASK,
    TASK_ID,
    Mesh,
    Nothing,
    Said,
    Sung,
    accuse,
    cancel,
    credit_to,
    join,
    key,
    member,
    note,
    remove,
    result,
    submit,
)


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


# -- what holds of all items ----------------------------------------------------------------------


def test_an_item_keeps_its_id_when_it_is_signed() -> None:
    assert item_id(replace(note(), signature=b"")) == item_id(note())
    assert item_id(note(serial=2)) != item_id(note())


@pytest.mark.parametrize("signature", [b"", b"s" * 65])
def test_an_item_is_signed(mesh: Mesh, signature: bytes) -> None:
    assert mesh.check(replace(note(), signature=signature)) == "unsigned"


def test_what_is_no_item_is_no_item(mesh: Mesh) -> None:
    assert mesh.check(Said(ADA, 1, "yes")) == "unknown-kind"


def test_some_refusals_pass_with_time() -> None:
    assert not hopeless("")
    assert not hopeless("early: round 3, but round 2 is open")
    assert hopeless("stale: serial 1 is not above 1")


def test_nobody_answers_for_what_strangers_sign(mesh: Mesh) -> None:
    assert all(has_standing(mesh.state, item) for item in (note(), submit(), join()))
    stray = replace(join(), ticket=replace(join().ticket, operator=EVE))
    assert not any(
        has_standing(mesh.state, item) for item in (note(DAN), remove(ADA, 1, EVE), stray)
    )


# -- tasks ----------------------------------------------------------------------------------------


def test_an_operator_with_the_right_submits_once(mesh: Mesh) -> None:
    assert mesh.check(submit()) == ""
    mesh.decided(submit())
    assert mesh.check(submit()) == "stale"
    assert mesh.check(submit(serial=2)) == "known"
    assert mesh.check(submit(replace(TASK, seed=8), serial=2)) == ""
    assert mesh.check(submit(replace(TASK, seed=8), serial=1)) == "stale"


def test_nobody_else_submits(mesh: Mesh) -> None:
    assert mesh.check(submit(operator=PAUL)) == "forbidden"
    assert mesh.check(submit(operator=ADA)) == "unknown-operator"
    assert mesh.check(submit(serial=2**53)) == "stale"


def test_a_task_is_in_form_and_within_the_mesh(mesh: Mesh) -> None:
    assert mesh.check(submit(replace(TASK, rounds=0))) == "number"
    assert mesh.check(submit(replace(TASK, quorum=4))) == "quorum"
    assert mesh.check(submit(replace(TASK, quorum=3))) == ""


def test_a_task_needs_a_trainer() -> None:
    founders = tuple(replace(one, roles=("validator",)) for one in GENESIS.founders)
    mesh = Mesh(replace(GENESIS, founders=founders))
    assert mesh.check(submit(replace(TASK, quorum=0))) == "quorum"


def test_a_task_whose_sums_might_overflow_is_refused() -> None:
    policy = replace(GENESIS.policy, samples_max=2**38)
    mesh = Mesh(replace(GENESIS, policy=policy))
    assert mesh.check(submit(replace(TASK, bits=22))) == ""  # 22 + 38 + log2(3) bits
    assert mesh.check(submit(replace(TASK, bits=23))) == "too-wide"


def test_there_is_room_for_so_many_tasks(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    mesh.decided(submit())
    another = submit(replace(TASK, seed=8), serial=2)
    monkeypatch.setattr(checks, "TASKS_RUNNING_MAX", 1)
    assert mesh.check(another) == "full"
    assert not hopeless(mesh.ledger.check(mesh.state, another))
    monkeypatch.setattr(checks, "TASKS_MAX", 1)
    assert mesh.check(submit(replace(TASK, seed=8), serial=2)) == "worn-out"


def test_a_running_task_is_cancelled_once(mesh: Mesh) -> None:
    assert mesh.check(cancel()) == "unknown-task"
    mesh.decided(submit())
    assert mesh.check(cancel(operator=PAUL)) == "forbidden"
    mesh.decided(cancel())
    assert mesh.check(cancel(serial=3)) == "ended"


# -- results --------------------------------------------------------------------------------------


@pytest.fixture
def at_work() -> Mesh:
    """The first round of a task is open."""
    mesh = Mesh()
    mesh.decided(submit(), join(member("dan", roles=("trainer",))))
    return mesh


def test_a_result_follows_its_round(at_work: Mesh) -> None:
    assert at_work.check(result()) == ""
    assert at_work.check(result(number=1)) == "early"
    at_work.decided(result())
    assert at_work.check(result()) == "stale"
    assert at_work.check(result(number=1)) == "base"
    assert at_work.check(result(number=1, base=key("model 1"))) == ""


def test_a_result_is_collected_by_a_validator(at_work: Mesh) -> None:
    assert at_work.check(result(collector=EVE)) == "stranger"
    assert at_work.check(result(collector=DAN)) == "forbidden"


def test_a_result_is_of_a_running_task(mesh: Mesh) -> None:
    assert mesh.check(result()) == "unknown-task"
    mesh.decided(submit())
    mesh.decided(cancel())
    assert mesh.check(result()) == "ended"


def test_where_nothing_counted_nothing_changes(at_work: Mesh) -> None:
    assert at_work.check(result(credited=())) == "no-credits"
    assert at_work.check(result(credited=(), model=MODEL)) == ""
    assert at_work.check(result(model=b"")) == "model"


@pytest.mark.parametrize(
    "credited",
    [
        credit_to(ADA, EVE),
        credit_to(ADA, ADA),
        credit_to(ADA, BOB)[::-1],
        credit_to(ADA, samples=0),
        credit_to(ADA, samples=1_001),
        (Credit(ADA, b"no digest", 1),),
    ],
)
def test_credits_are_of_trainers_each_once_within_the_cap(
    at_work: Mesh, credited: tuple[Credit, ...]
) -> None:
    assert at_work.check(result(credited=credited)) == "credit"


def test_a_validator_who_does_not_train_gets_no_credit(at_work: Mesh) -> None:
    at_work.decided(join(member("eve", roles=("validator",))))
    assert at_work.check(result(credited=credit_to(EVE))) == "credit"
    assert at_work.check(result(credited=credit_to(DAN, samples=1_000))) == ""


class Bulky(Nothing):
    padding: bytes


def test_a_result_has_a_size(at_work: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ITEM_BYTES_MAX", 2_000)
    assert at_work.check(replace(result(), proof=Bulky(bytes(2_000)))) == "too-large"


# -- members --------------------------------------------------------------------------------------


def test_who_has_a_ticket_joins_once_and_does_not_return(mesh: Mesh) -> None:
    assert mesh.check(join()) == ""
    mesh.decided(join())
    assert mesh.check(join()) == "known"
    mesh.decided(remove(DAN))
    assert mesh.check(join()) == "gone"


def test_tickets_may_be_used_in_any_order(mesh: Mesh) -> None:
    """An operator's later commands do not void the tickets it gave before."""
    mesh.decided(submit(serial=9))
    assert mesh.check(join()) == ""


def test_a_ticket_is_for_one_identity_and_says_as_what(mesh: Mesh) -> None:
    good = join()
    assert mesh.check(replace(good, signer=EVE)) == "mismatch"
    assert mesh.check(replace(good, ticket=replace(good.ticket, member=EVE))) == "mismatch"
    assert mesh.check(replace(good, ticket=replace(good.ticket, roles=("trainer",)))) == "mismatch"
    assert mesh.check(replace(good, member=replace(good.member, weight=9))) == "mismatch"


def test_a_ticket_gives_no_weight_that_the_engine_has_not(mesh: Mesh) -> None:
    good = join()
    heavy = replace(
        good, member=replace(good.member, weight=9), ticket=replace(good.ticket, weight=9)
    )
    assert mesh.check(heavy) == ""
    mesh.state = replace(mesh.state, policy=replace(mesh.state.policy, engine="raft"))
    assert mesh.check(heavy) == "weight"


def test_a_ticket_is_signed_by_an_operator_who_may_admit(mesh: Mesh) -> None:
    ticket = join().ticket
    assert mesh.check(replace(join(), ticket=replace(ticket, operator=PAUL))) == "forbidden"
    assert mesh.check(replace(join(), ticket=replace(ticket, operator=ADA))) == "unknown-operator"
    assert mesh.check(replace(join(), ticket=replace(ticket, signature=b""))) == "unsigned"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "ada"}, "taken"),
        ({"transport": GENESIS.founders[1].transport}, "taken"),
        ({"direct": "nowhere"}, "address"),
    ],
)
def test_a_newcomer_takes_nobodys_place(mesh: Mesh, fields: dict[str, Any], expected: str) -> None:
    assert mesh.check(join(replace(member("dan"), **fields))) == expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("MEMBERS_MAX", "full"), ("VALIDATORS_MAX", "full"), ("IDENTITIES_MAX", "worn-out")],
)
def test_there_is_room_for_so_many_members(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch, limit: str, expected: str
) -> None:
    monkeypatch.setattr(checks, limit, 3)
    assert mesh.check(join()) == expected


def test_a_trainer_who_might_make_a_sum_overflow_waits() -> None:
    policy = replace(GENESIS.policy, samples_max=2**38)
    founders = tuple(
        replace(one, roles=("trainer", "validator") if n < 2 else ("validator",))
        for n, one in enumerate(GENESIS.founders)
    )
    mesh = Mesh(replace(GENESIS, policy=policy, founders=founders))
    mesh.decided(submit(replace(TASK, bits=23)), submit(replace(TASK, bits=8), serial=2))
    assert mesh.check(join()) == "overflow"  # 23 + 38 + log2(3) bits
    assert mesh.check(join(member("dan", roles=("validator",)))) == ""
    mesh.decided(cancel(3, digest(replace(TASK, bits=23))))
    assert mesh.check(join()) == ""


def test_a_member_is_removed_once(mesh: Mesh) -> None:
    assert mesh.check(remove(CYD, operator=PAUL)) == "forbidden"
    mesh.decided(remove(CYD))
    assert mesh.check(remove(CYD, serial=2)) == "gone"
    assert mesh.check(remove(BOB)) == "stale"
    assert mesh.check(note(CYD)) == "gone"


def test_the_last_validator_stays(mesh: Mesh) -> None:
    mesh.decided(remove(BOB), remove(CYD, serial=2), join(member("dan", roles=("trainer",))))
    assert mesh.check(remove(ADA, serial=3)) == "last-validator"
    assert mesh.check(remove(DAN, serial=3)) == ""


def of_validators(count: int, engine: str = "raft") -> Mesh:
    names = ("ada", "bob", "cyd", "dan", "eve")[:count]
    policy = replace(GENESIS.policy, engine=engine)
    founders = tuple(member(name) for name in names)
    return Mesh(replace(GENESIS, founders=founders, policy=policy))


def applied(mesh: Mesh, *items: RemoveMember) -> int:
    """How many of these removals one block takes."""
    block = mesh.ledger.build(mesh.state, ADA, CHAINS["ada"][mesh.spent["ada"] + 1], items)
    mesh.decided(*block.items)
    return len(block.items)


def test_under_raft_neither_of_two_validators_goes() -> None:
    two = of_validators(2)
    assert two.check(remove(BOB)) == "majority"
    assert hopeless("majority: of two")
    assert of_validators(2, "tendermint").check(remove(BOB)) == ""


def test_under_raft_who_does_not_vote_may_go_at_any_time() -> None:
    two = of_validators(2)
    two.decided(join(member("dan", roles=("trainer",))))
    assert two.check(remove(DAN)) == ""


@pytest.mark.parametrize(("count", "engine", "fit"), [
    (3, "raft", [1, 0, 0]), (4, "raft", [1, 1, 0]), (5, "raft", [2, 1, 0]),
    (4, "pbft", [3, 0, 0]), (5, "tendermint", [4, 0, 0]),
])  # fmt: skip
def test_under_raft_most_of_the_validators_stay_from_block_to_block(
    count: int, engine: str, fit: list[int]
) -> None:
    """Those who may not go yet go with the next block, until two are left."""
    mesh = of_validators(count, engine)
    leaving = [remove(who, serial=n) for n, who in enumerate((BOB, CYD, DAN, EVE)[: count - 1], 1)]
    for expected in fit:
        assert applied(mesh, *leaving) == expected
        del leaving[:expected]


def test_under_raft_a_newcomer_of_the_same_block_makes_up_for_nobody() -> None:
    three = of_validators(3)
    three.decided(join(member("dan", roles=("validator",))), remove(BOB))
    assert three.check(remove(CYD, serial=2)) == ""
    block = of_validators(3)
    link = CHAINS["ada"][1]
    items = (join(member("dan", roles=("validator",))), remove(BOB), remove(CYD, serial=2))
    assert block.ledger.build(block.state, ADA, link, items).items == items[:2]
    assert hopeless("many: most") is False


def test_a_ticket_is_voided_by_removing_who_never_came(mesh: Mesh) -> None:
    mesh.decided(remove(DAN))
    assert mesh.check(join()) == "gone"
    assert mesh.check(remove(b"dan", serial=2)) == "stranger"


def test_identities_that_never_came_take_room_too(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "IDENTITIES_MAX", 3)
    assert mesh.check(remove(DAN)) == "stranger"


# -- hash chains ----------------------------------------------------------------------------------


def reanchor(chain: int = 1, anchor: bytes = key("anchor"), who: bytes = ADA) -> Reanchor:
    return Reanchor(who, chain, anchor, SIGNED)


def test_the_next_chain_is_fixed_once(mesh: Mesh) -> None:
    assert mesh.check(reanchor(chain=2)) == "early"
    assert mesh.check(reanchor(chain=0)) == "stale"
    assert mesh.check(reanchor(anchor=b"")) == "anchor"
    assert mesh.check(reanchor(who=DAN)) == "stranger"
    mesh.decided(reanchor())
    assert mesh.check(reanchor(anchor=key("another"))) == "stale"


def test_the_next_chain_is_fixed_in_good_time(mesh: Mesh) -> None:
    seat = mesh.state.members[ADA]
    for unspent, expected in ((ANCHOR_MARGIN, ""), (ANCHOR_MARGIN - 1, "late")):
        worn = replace(seat, spent=LINKS - unspent)
        mesh.set(members=mesh.state.members.set(ADA, worn))
        assert mesh.check(reanchor()) == expected


# -- notes ----------------------------------------------------------------------------------------


def test_a_note_is_a_members_and_short(mesh: Mesh) -> None:
    assert mesh.check(note(payload=bytes(NOTE_BYTES_MAX))) == ""
    assert mesh.check(note(payload=bytes(NOTE_BYTES_MAX + 1))) == "too-large"
    assert mesh.check(note(DAN)) == "stranger"
    assert mesh.check(note(serial=0)) == "number"
    assert mesh.check(note(serial=2**53)) == "number"


def test_notes_come_in_any_order_but_each_once(mesh: Mesh) -> None:
    mesh.decided(note(serial=7), note(serial=3), note(serial=5))
    assert [mesh.check(note(serial=n)) for n in (3, 5, 7)] == ["stale"] * 3
    assert [mesh.check(note(serial=n)) for n in (1, 4, 6, 8)] == [""] * 4


def test_what_is_far_behind_comes_too_late(mesh: Mesh) -> None:
    mesh.decided(*(note(serial=2 * n) for n in range(1, SERIALS_KEPT + 1)))
    assert mesh.check(note(serial=1)) == "stale"
    assert mesh.check(note(serial=3)) == ""


# -- accusations ----------------------------------------------------------------------------------


def test_two_contradicting_statements_prove_a_lie_once(mesh: Mesh) -> None:
    assert mesh.check(accuse()) == ""
    mesh.decided(accuse())
    swapped = accuse(first="no", second="yes", by=BOB)
    assert mesh.check(swapped) == "known"
    assert mesh.check(accuse(second="perhaps")) == ""


def test_one_who_left_may_still_be_accused(mesh: Mesh) -> None:
    mesh.decided(remove(CYD))
    assert mesh.check(accuse(CYD)) == ""
    assert mesh.check(accuse(DAN)) == "stranger"
    assert mesh.check(accuse(by=CYD, culprit=ADA)) == "gone"


def test_an_honest_member_cannot_be_accused(mesh: Mesh) -> None:
    """No framing: both statements are the accused's own, and exclude each other."""
    yes, no = Said(CYD, 1, "yes"), Said(CYD, 1, "no")
    plain = accuse()
    for first, second in (
        (yes, yes),
        (yes, replace(yes, signature=b"other")),
        (yes, Said(CYD, 2, "no")),
        (yes, Said(BOB, 1, "no")),
        (Said(BOB, 1, "yes"), no),
        (yes, Sung(CYD, 1, "no")),
        (yes, replace(no, signature=b"")),
        (note(CYD, serial=1), note(CYD, serial=2)),
    ):
        assert mesh.check(replace(plain, first=first, second=second)) == "evidence"


def test_evidence_is_bounded(mesh: Mesh) -> None:
    long = "x" * checks.EVIDENCE_BYTES_MAX
    assert mesh.check(accuse(second=long)) == "too-large"
    mesh.decided(*(accuse(time=n) for n in range(CHARGES_MAX)))
    assert mesh.check(accuse(time=CHARGES_MAX)) == "enough"
    assert mesh.check(accuse(BOB)) == ""


def test_the_form_of_former_members() -> None:
    """What the other tests rely on: who left is known with its heights."""
    mesh = Mesh()
    mesh.decided(note())
    mesh.decided(remove(CYD))
    assert mesh.state.former == Map({CYD: Former(True, 1, 0, 2)})
    assert mesh.state.tasks.get(TASK_ID) is None
    assert mesh.state.operators[OLGA].serial == 1

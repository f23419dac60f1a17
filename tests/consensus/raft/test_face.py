"""What a node asks of the engine's state between events."""

import pytest
from msgspec.structs import replace

from meshkit.consensus.messages import Ask, Certificate, Committed
from meshkit.consensus.raft import face, rules
from meshkit.consensus.raft.messages import Configuration, TransferLeadership
from meshkit.consensus.raft.state import State
from meshkit.core.value import Statement, digest
from tests.consensus.raft.network import Block, name
from tests.consensus.raft.playbook import ME, Play, append, noop, value_entry


def test_a_height_is_dormant_until_it_is_opened() -> None:
    play = Play()
    assert face.is_dormant(play.state)
    play.open()
    assert not face.is_dormant(play.state)
    decided = Play(begin=False).lead()
    decided.decide("v")
    assert not face.is_dormant(decided.state)


def test_a_value_is_awaited_until_it_comes() -> None:
    play = Play(begin=False).lead()
    assert face.wanted(play.state) is None
    play.open()
    assert face.wanted(play.state) == (1, 1)
    play.propose()
    play.acknowledge()
    assert face.wanted(play.state) is None


def test_a_value_that_was_proposed_is_awaited_no_more() -> None:
    play = Play().lead()
    play.open()
    play.propose()
    assert face.wanted(play.state) is None


def test_who_may_lead_is_believed_about_what_a_leader_sends() -> None:
    play, sent = Play(), append(1)
    assert face.believes(play.state, name(1), sent)
    assert not face.believes(play.state, name(9), sent)
    assert not face.believes(play.state, name(1), TransferLeadership(ME))


def test_nothing_is_judged_nothing_is_late_and_nobody_vouches() -> None:
    play = Play().lead()
    play.propose()
    assert face.unjudged(play.state) == ()
    assert not face.is_late(play.state, ME, append(1), 0)
    certificate = Certificate(1, 1, digest(Block(1, "v")), ())
    assert face.vouches(certificate, Statement()) is None


def test_whose_values_are_decided_because_their_sender_says_so() -> None:
    value = Block(1, "v")
    said = append(1, [noop(1, 1), value_entry(1, 2, 1)])
    assert face.unproved(said) == [value]
    assert face.unproved(Committed(Certificate(1, 1, digest(value), ()), value)) == (value,)
    assert face.unproved(Ask(1)) == ()


def test_who_leads_is_told() -> None:
    assert face.leader(Play().state) == b""
    assert face.leader(Play().lead().state) == ME
    play = Play()
    play.hear(2, append(1))
    assert face.leader(play.state) == name(2)


def test_R18_why_no_value_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play()
    assert face.refusal(play.state) == face.NOT_LEADER
    play.lead(ready=False)
    assert face.refusal(play.state) == "", "though nothing of its term is committed"
    assert face.wanted(play.state) is None, "and so nothing is asked for"
    play.acknowledge()
    assert face.refusal(play.state) == ""
    play.propose()
    monkeypatch.setattr(rules, "UNCOMMITTED_ENTRIES_MAX", 1)
    assert face.refusal(play.state) == face.BUSY
    play.do(TransferLeadership(name(1)))
    assert face.refusal(play.state) == face.TRANSFERRING


# -- whom the others can lose ----------------------------------------------------------------------

A, B, C, D, E = (bytes([number]) * 32 for number in range(5))


def voting(wanted: tuple[bytes, ...], *voters: bytes) -> State:
    return replace(State(), wanted=wanted, configuration=Configuration(voters))


@pytest.mark.parametrize(("wanted", "voters", "gone", "may"), [
    ((A, B), (A, B), (B,), False),
    ((A, B, C), (A, B, C), (C,), True),
    ((A, B, C, D), (A, B, C, D), (C, D), False),
    ((A, B, C, D, E), (A, B, C, D, E), (D, E), True),
    ((A, B, C), (A, B), (B,), False),  # C is named, and has not caught up
    ((A, B, C), (A, B), (C,), True),  # nor need it ever
    ((A, B, C, E), (A, B, C, D), (C,), False),  # D is heard no more, though it still votes
    ((A, B, E), (A, B, C), (E,), True),  # a successor that never came is named no more
    ((A, B, C, D, E), (A, B, C), (D, E), True),
    ((A, B, C, D, E), (A, B), (C, D, E), False),  # they may become voters until it is decided
])  # fmt: skip
def test_under_raft_most_of_those_who_vote_must_be_left(
    wanted: tuple[bytes, ...], voters: tuple[bytes, ...], gone: tuple[bytes, ...], may: bool
) -> None:
    assert face.may_lose(voting(wanted, *voters), gone) is may


def test_nobody_goes_while_a_change_is_under_way() -> None:
    three = voting((A, B, C), A, B, C)
    joint = replace(three, configuration=Configuration((A, B, C), (A, B, C, D)))
    assert not face.may_lose(joint, (C,))
    assert not face.may_lose(replace(three, log=replace(three.log, configurations=(7,))), (C,))

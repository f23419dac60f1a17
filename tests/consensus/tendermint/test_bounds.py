"""Whatever others send, what stays in memory and in the journal is bounded."""

from typing import Any

from meshkit.consensus.messages import (
    NIL,
    Ask,
    Begin,
    Certificate,
    Committed,
)
from meshkit.consensus.tendermint.hearing import CLAIMS_MAX, KNOWN_MAX, LATER_MAX, LEAPS_MAX
from meshkit.consensus.tendermint.messages import (
    PRECOMMIT,
    PREVOTE,
    Known,
    Proposal,
    StatementKept,
    VoteHeard,
    WantValue,
)
from meshkit.consensus.tendermint.state import GRACE_NS, ROUNDS_KEPT, WINDOW_NS
from meshkit.core.machine import Heard
from meshkit.core.value import Value, canonical, digest
from tests.consensus.tendermint.network import MS, Block, equals, name, sign
from tests.consensus.tendermint.playbook import (
    Play,
    V,
    W,
    precommit,
    prevote,
    proposal,
    v,
    vote,
    w,
)

GRACE_MS = GRACE_NS // MS
WINDOW_MS = WINDOW_NS // MS


def certificate(value_id: bytes = v, height: int = 1, voters: Any = (1, 2, 3)) -> Certificate:
    votes = tuple(precommit(0, value_id, n, height) for n in voters)
    return Certificate(height, 0, value_id, votes)


def decided() -> Play:
    """Height 1 is decided for V, height 2 begun a while ago."""
    play = Play()
    play.hear(proposal(0, V), *(prevote(0, v, n) for n in (1, 2)))
    play.hear(*(precommit(0, v, n) for n in (1, 2)))
    assert play.state.decided
    play.do(Begin(2, equals(4)))
    play.pass_ms(GRACE_MS)
    play.forget()
    return play


# -- bounds ---------------------------------------------------------------------------------------


def size(play: Play) -> int:
    return len(canonical(play.state))


def test_T14_nil_prevotes_of_past_rounds_are_dropped() -> None:
    play = Play()
    play.hear(prevote(2, NIL, 1), prevote(2, NIL, 2))
    assert play.hear(prevote(0, NIL, 3)) == []
    assert play.of(VoteHeard)
    assert play.hear(precommit(0, NIL, 3)), "but precommits may end a round"
    assert play.hear(prevote(1, v, 3)), "and prevotes for a value may vouch for it"


def test_T14_of_rounds_far_ahead_the_highest_is_kept() -> None:
    play = Play()
    play.hear(prevote(5, v, 1), precommit(5, v, 1))
    assert play.state.far[name(1)] == (prevote(5, v, 1), precommit(5, v, 1))
    play.hear(prevote(9, v, 1))
    assert play.state.far[name(1)] == (prevote(9, v, 1),)
    assert play.hear(prevote(7, v, 1)) == [], "lower than its highest"
    play.hear(prevote(9, v, 2))
    assert play.state.round == 9
    assert play.state.rounds[9].prevotes.weight == 2, "and counted once we are there"


def test_T14_a_voter_s_leaps_are_followed_a_few_times_only() -> None:
    play = Play()
    for number in range(100, 100 + 10 * LEAPS_MAX):
        play.hear(prevote(number, v, 1))
    assert len(play.of(VoteHeard)) == LEAPS_MAX
    play.hear(prevote(10**6, v, 2))
    assert play.state.round == 100 + LEAPS_MAX - 1, "and still the honest bring us on"


def test_T14_a_flood_of_a_validator_fills_no_memory() -> None:
    """Any round, kind, value and height: what stays is bounded, and so is what is journaled."""
    play = Play()
    play.hear(proposal(0, V))
    calm = size(play)
    entries = len(play.journal)
    for number in range(3_000):
        value = Block(1, "x" * 100 + str(number))
        flood: list[Value] = [
            prevote(number, digest(value), 1),
            precommit(number * 7, digest(value), 1),
            proposal(number, value),
            vote(PREVOTE, 0, digest(value), 1, height=2 + number),
            sign(Proposal(2, number, -1, digest(value), name(1), value)),
            Committed(certificate(digest(value), 1 + number, voters=(1,)), value),
            Ask(number),
            WantValue(1, digest(value)),
            Known((proposal(number, value),), (prevote(number, digest(value), 1),)),
        ]
        play.hear(*(m for m in flood if getattr(m, "proposer", name(1)) == name(1)))
    assert size(play) < calm + 8_000
    assert len(play.journal) < entries + 40


def test_T14_a_flood_of_a_member_who_is_no_validator_fills_no_memory() -> None:
    play = Play()
    calm, entries = size(play), len(play.journal)
    for number in range(1_000):
        for message in (
            prevote(0, v, 9, height=1 + number),
            proposal(number, V),
            Ask(number + 2),
            Ask(1),
            WantValue(1, v),
            Committed(certificate(v, 5, voters=(9,)), V),
        ):
            play.hear(message, sender=name(9))
        play.pass_ms(1)
    assert size(play) < calm + 4_000
    assert len(play.journal) < entries + 20


def test_T14_rounds_long_past_are_forgotten_but_not_what_a_lock_rests_on() -> None:
    play = Play()
    play.hear(proposal(0, V), prevote(0, v, 1), prevote(0, v, 2))
    assert play.state.locked_round == 0
    for number in range(1, 4 * ROUNDS_KEPT):
        play.hear(*(precommit(number, NIL, n) for n in (1, 2, 3)))
        play.time_out()
    kept = sorted(play.state.rounds)
    assert kept[0] == 0
    assert len(kept) <= ROUNDS_KEPT + 2
    assert v in play.state.values
    assert len(play.state.cast) <= 3 * ROUNDS_KEPT
    assert play.hear(precommit(kept[1] - 1, NIL, 1)) == []


def test_T14_peers_ahead_are_remembered_up_to_a_limit() -> None:
    play = Play()
    many = tuple(n.to_bytes(32) for n in range(CLAIMS_MAX + 10))
    for sender in many:
        play.do(Heard(sender, Ask(9)))
    assert len(play.state.claims) == CLAIMS_MAX


def test_T14_a_bundle_has_a_limit() -> None:
    play = Play()
    one = prevote(0, v, 1)
    assert play.hear(Known((), (one,) * (KNOWN_MAX * 4 + 1))) == []
    assert play.hear(Known((), (one,) * KNOWN_MAX * 4))


def test_T14_what_the_next_height_says_is_kept_a_little() -> None:
    play = Play()
    first = proposal(0, V, height=2)
    later = [
        first,
        proposal(4, W, height=2),
        *(vote(kind, n, v, 1, height=2) for kind in (PREVOTE, PRECOMMIT) for n in (0, 1)),
    ]
    play.hear(*later, *(vote(PREVOTE, 0, v, 2, height=n) for n in (3, 4)))
    kept = play.of(StatementKept)
    turn = first.proposer
    assert [len(play.state.later.get(name(n), ())) for n in (1, 2)] == (
        [LATER_MAX, 0] if turn == name(1) else [2, int(turn == name(2))]
    )
    assert len(kept) == sum(len(play.state.later[sender]) for sender in sorted(play.state.later))
    assert play.state.claims[name(1)] == 2


# -- the next height ------------------------------------------------------------------------------


def test_a_statement_of_the_next_height_waits_for_it() -> None:
    play = Play()
    early = [vote(PREVOTE, 0, w, n, height=2) for n in (1, 2)]
    play.hear(*early)
    assert [kept.sender for kept in play.of(StatementKept)] == [name(1), name(2)]
    play.hear(Committed(certificate(), V))
    events = play.do(Begin(2, equals(4)))
    assert [type(event).__name__ for event in events][:2] == ["HeightBegun", "RoundStarted"]
    assert play.state.rounds[0].prevotes.weight == 2
    assert not play.state.later


def test_a_relayed_statement_of_the_next_height_is_not_kept() -> None:
    play = Play()
    assert play.hear(vote(PREVOTE, 0, w, 1, height=2), sender=name(2)) == []

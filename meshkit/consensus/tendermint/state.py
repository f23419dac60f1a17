"""What one node knows of the height it is at; how each event changes that, `fold` says.

Rounds are kept apart: each has its first proposal and two tallies, which grow by one vote at a
time. What the rules ask again and again is kept beside them, so that no rule ever searches: the
latest round with a quorum of prevotes for a value (`polka_round`), the round with a quorum of
precommits for one (`chosen_round`), the round to skip to (`skip_to`).

Memory is bounded whatever others send. Of each voter, round and kind the first vote is kept; of
rounds further ahead than the next one only each voter's highest; of past rounds the last
ROUNDS_KEPT and those that a lock or a quorum rests on; of the next height a few statements a
sender; of the height before what convicts a late liar; of all others nothing.
"""

from typing import cast

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.absence import Absences, noted, whose_turn
from meshkit.consensus.messages import (
    NIL,
    Certificate,
    Committed,
    Validator,
)
from meshkit.consensus.quorum import Tally, quorum_votes
from meshkit.consensus.tendermint.messages import (
    Known,
    Proposal,
    Vote,
)
from meshkit.core.value import Value

PROPOSE = 0  # the step before PREVOTE and PRECOMMIT; the kind of a proposal among statements

ROUNDS_KEPT = 32  # of those heard of, for evidence and for answers to laggards (a guess)
VALUES_KEPT = 4  # the latest proposed ones; others can be asked for (a guess)
ROUNDS_AHEAD = 1  # CometBFT's: votes of the next round are counted, later ones only remembered
MS_NS = 1_000_000  # nanoseconds in a millisecond
AGAIN_NS = 400 * MS_NS  # a few round trips between continents
AGAIN_NS_MIN = 50 * MS_NS  # a round trip and two fsyncs of a slow site (a guess)
AGAIN_NS_MAX = 6_400 * MS_NS  # a healed partition is noticed within seconds (a guess)
POLL_NS = 1_000 * MS_NS  # of an idle node: a decision nobody told us of is found soon after it
POLL_NS_MAX = 60_000 * MS_NS  # and a day of idling costs 1,440 entries
GRACE_NS = 100 * MS_NS  # what was under way when a height or round began is no question
WINDOW_NS = 100 * MS_NS  # of one answer a peer and kind; as GRACE_NS, after which a peer asks again
ANSWERED_MAX = 1_024  # answers in a window (a guess): five thousand questions a second are a flood


class Round(Value):
    """What was heard of one round: its first proposal, without the value, and its votes."""

    proposal: Proposal | None = None
    prevotes: Tally = Tally()
    precommits: Tally = Tally()


EMPTY = Round()


class State(Value):
    """The paper's variables stand under their names; -1 is its -1, `NIL` its nil."""

    # The height.
    height: int = 0
    validators: tuple[Validator, ...] = ()
    weights: Map[bytes, int] = Map()
    total: int = 0
    quorum: int = 1
    turns: tuple[Validator, ...] = ()  # those who are given turns to propose
    absences: Absences = Map()
    begun_ns: int = 0
    decided: bool = False

    # Where we are. The round is -1 until the height is opened.
    round: int = -1
    step: int = PROPOSE
    proposer: bytes = b""
    asked: bool = False  # for a value to propose
    round_ns: int = 0
    step_ns: int = 0
    locked_round: int = -1
    locked_id: bytes = NIL
    valid_round: int = -1
    valid_id: bytes = NIL

    # Timers: 0 is none.
    step_due_ns: int = 0  # timeoutPropose or timeoutPrevote
    round_due_ns: int = 0  # timeoutPrecommit
    again_due_ns: int = 0
    again_count: int = 0
    again_ns: int = 0  # when we last repeated ourselves
    again_first_ns: int = AGAIN_NS  # how long we listen in this round before we do so first

    # What we have bound ourselves to; see `slot`.
    cast: Map[int, bytes] = Map()
    own: Map[int, Proposal] = Map()  # by round, unsigned and without its value

    # What was heard.
    rounds: Map[int, Round] = Map()
    values: Map[bytes, Value] = Map()
    judged: Map[bytes, bool] = Map()
    missed: Map[bytes, bool] = Map()
    polka_round: int = -1
    chosen_round: int = -1
    highest: Map[bytes, int] = Map()  # each voter's highest round, where it is above ours
    far: Map[bytes, tuple[Vote, ...]] = Map()  # its votes of that round, where not counted yet
    leaps: Map[bytes, int] = Map()  # how often `far` was replaced in our round
    skip_to: int = -1
    convicted: Map[bytes, Known] = Map()  # the proof by `charge`

    # The other heights.
    last: Committed | None = None
    former: Map[int, Round] = Map()  # the rounds of the height before
    former_weights: Map[bytes, int] = Map()
    later: Map[bytes, tuple[Vote | Proposal, ...]] = Map()  # of the next height, by sender
    claims: Map[bytes, int] = Map()  # the height a peer spoke of, where it is above ours
    window_ns: int = 0
    answered: Map[bytes, bool] = Map()  # since window_ns; see `question`


def slot(round_: int, kind: int) -> int:
    """The key of what is cast once: a kind of vote in a round."""
    return 3 * round_ + kind


def charge(height: int, kind: int, culprit: bytes) -> bytes:
    """The key of what is proved once: a height, a kind of statement, a culprit."""
    return height.to_bytes(8) + bytes([kind]) + culprit


def question(kind: str, to: bytes) -> bytes:
    """The key of what is answered once a window."""
    return kind.encode() + to


def bare(proposal: Proposal) -> Proposal:
    """The proposal without its value: the signature still holds."""
    return proposal if proposal.value is None else replace(proposal, value=None)


# -- reading --------------------------------------------------------------------------------------


def round_of(state: State, number: int) -> Round:
    return state.rounds.get(number, EMPTY)


def turn(state: State, number: int) -> bytes:
    """Whose turn to propose a round is; empty where there are no validators yet."""
    if not state.validators:
        return b""
    return whose_turn(state.validators, state.turns, state.height, number)


def absences_after(state: State, height: int, builder: bytes) -> Absences:
    """Whose turns brought nothing, as is known once the value before `height` is decided."""
    if not builder:
        return state.absences
    if state.round == 0 and state.proposer == builder and builder not in state.absences:
        return state.absences  # as mostly: whose turn came first built it
    return noted(state.absences, state.validators, state.turns, height - 1, builder)


def polka_id(state: State) -> bytes | None:
    """The id that a quorum prevoted in `polka_round`."""
    return round_of(state, state.polka_round).prevotes.quorum_for


def chosen_id(state: State) -> bytes | None:
    """The id that a quorum precommitted in `chosen_round`."""
    return round_of(state, state.chosen_round).precommits.quorum_for


def polka(state: State, number: int) -> tuple[Vote, ...]:
    """The quorum of prevotes of a round: what vouches for a proposal with that valid round."""
    return cast("tuple[Vote, ...]", quorum_votes(round_of(state, number).prevotes))


def certificate(state: State) -> Certificate:
    """The proof of a decision, once `chosen_round` is one."""
    tally = round_of(state, state.chosen_round).precommits
    assert tally.quorum_for is not None
    return Certificate(state.height, state.chosen_round, tally.quorum_for, quorum_votes(tally))


def signed_proposal(state: State, value_id: bytes) -> Proposal | None:
    """Some signed proposal of a value at hand, with the value."""
    value = state.values.get(value_id)
    for _, round_ in sorted(state.rounds.items()):
        proposal = round_.proposal
        if value is not None and proposal is not None and proposal.value_id == value_id:
            return replace(proposal, value=value)
    return None


def may_answer(state: State, kind: str, to: bytes, now_ns: int) -> bool:
    """Whether a question of this kind was not answered in this window yet."""
    if now_ns >= state.window_ns + WINDOW_NS:
        return True
    return len(state.answered) < ANSWERED_MAX and question(kind, to) not in state.answered


def patience_ns(state: State) -> int:
    """How long we listen before we repeat ourselves; not long, if others seem to be ahead."""
    return min(GRACE_NS, state.again_first_ns) if state.claims else state.again_first_ns


def first_again_ns(patience_ns: int) -> int:
    """How long to listen before we repeat ourselves where a step has so much patience (0: none).

    What was lost is to be said again before anybody gives up: so where all are near and nobody is
    patient this is sooner than between continents.
    """
    return max(min(AGAIN_NS, patience_ns // 2), AGAIN_NS_MIN) if patience_ns else AGAIN_NS

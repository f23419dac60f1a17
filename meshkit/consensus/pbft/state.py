"""What one replica knows; how each event changes that is in `fold`.

A replica is at one height, the first that it has not decided; `slot` holds what was said of it in
the view that the replica is in. Of the heights below only this is kept: the chain of what was
decided, and for those above the stable checkpoint the proofs that they were prepared, which the
next view change must show. What the rules ask again and again is kept beside what it follows from,
so that no rule ever searches.

Memory is bounded whatever others send (P20). Of each replica, height, view and kind the first
statement is kept; of its view changes the latest; of what is ahead of us a few statements; of
checkpoints those in the window; of values the few that are proposed or prepared.
"""

from immutables import Map
from msgspec.structs import replace

from meshkit.consensus.messages import Certificate, Committed, Validator
from meshkit.consensus.pbft import views
from meshkit.consensus.pbft.evidence import signer
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    NewView,
    Phase,
    PreparedProof,
    PrePrepare,
    Showable,
    Shown,
    ViewChange,
)
from meshkit.consensus.pbft.pace import FRESH, Pace
from meshkit.consensus.quorum import Tally, quorum_votes
from meshkit.core.value import Value

WINDOWS = 2  # the paper's L is a small multiple of K
MS_NS = 1_000_000  # nanoseconds in a millisecond
AGAIN_NS = 400 * MS_NS  # a few round trips between continents
AGAIN_NS_MIN = 50 * MS_NS  # a round trip and two fsyncs of a slow site (a guess)
AGAIN_NS_MAX = 6_400 * MS_NS  # a healed partition is noticed within seconds (a guess)
POLL_NS = 1_000 * MS_NS  # of an idle node: a decision nobody told us of is found soon after it
POLL_NS_MAX = 60_000 * MS_NS  # and a day of idling costs 1,440 entries
GRACE_NS = 100 * MS_NS  # what was under way when a height or view began is no question
WINDOW_NS = 100 * MS_NS  # of one answer a peer and kind; as GRACE_NS, after which a peer asks again
ANSWERED_MAX = 1_024  # answers in a window (a guess): five thousand questions a second are a flood

NO_VOTES: Map[bytes, Checkpoint] = Map()


class Slot(Value):
    """What was said of our height in our view, and what we said of it."""

    pre_prepare: PrePrepare | None = None  # without its value
    prepares: Tally = Tally()
    commits: Tally = Tally()
    asked: bool = False  # for a value to propose
    own: PrePrepare | None = None  # unsigned and without its value
    prepared_id: bytes | None = None  # what we accepted
    committed_id: bytes | None = None  # what we know a quorum to have accepted


class State(Value):
    """The paper's h is `stable`, its v `view`; a replica is `active` unless it changes views."""

    # The height, and who decides it.
    height: int = 0
    validators: tuple[Validator, ...] = ()
    weights: Map[bytes, int] = Map()
    total: int = 0
    quorum: int = 1
    since: int = 0  # the first height of this validator set
    every: int = 1  # heights between two checkpoints: the paper's K
    begun_ns: int = 0
    opened: bool = False
    decided: bool = False
    chain: bytes = bytes(32)  # of all value ids decided so far
    last: Committed | None = None
    slot: Slot = Slot()
    former: PrePrepare | None = None  # of the height before, for evidence

    # Values of this height.
    values: Map[bytes, Value] = Map()
    judged: Map[bytes, bool] = Map()
    missed: Map[bytes, bool] = Map()

    # Checkpoints.
    stable: int = 0
    stable_chain: bytes = bytes(32)
    stable_ns: int = 0
    proof: tuple[Checkpoint, ...] = ()  # none where the validator set begins
    checkpoints: Map[int, Map[bytes, Checkpoint]] = Map()  # above the stable one, by voter
    settled: int = 0  # the highest that a quorum took alike
    taken: Map[int, bytes] = Map()  # ours above the stable one, which we owe to others
    prepared: Map[int, PreparedProof] = Map()  # of the latest view, above the stable checkpoint

    # Views.
    view: int = 0
    active: bool = True
    new_view: NewView | None = None  # how our view began
    bound: Map[int, PrePrepare] = Map()  # what it had to begin with, from our height on
    change: ViewChange | None = None  # ours for this view while we wait for it, unsigned
    made: NewView | None = None  # ours for this view if we are its primary, unsigned
    changes: Map[bytes, ViewChange] = Map()  # the latest of each replica
    leaps: Map[bytes, int] = Map()  # how often one was replaced while we are in this view
    given_up: int = 0  # the weight of those who gave up on all views below ours
    alike: int = 0  # the weight of those who changed to just ours
    join_to: int = 0  # the least view above ours in which more than a third say they are
    moved_ns: int = 0  # when we left or entered a view

    # The primary.
    waiting_ns: int = 0  # since when our timer runs
    failures: int = 0  # views that failed in a row
    absent: int = 0  # and views beside them whose primary was not there at all
    pace: Pace = FRESH
    paces: tuple[int, ...] = ()

    # Timers: 0 is none.
    timer_due_ns: int = 0
    slow_due_ns: int = 0
    again_due_ns: int = 0
    again_count: int = 0
    again_ns: int = 0  # when we last repeated ourselves
    again_first_ns: int = AGAIN_NS  # how long we listen before we do so first

    # The others.
    later: Map[bytes, tuple[Phase, ...]] = Map()  # what is ahead of us, by sender
    claims: Map[bytes, int] = Map()  # the height a peer spoke of, where it is above ours
    ahead: Map[bytes, int] = Map()  # the view a peer spoke of, where it is above ours
    window_ns: int = 0
    answered: Map[bytes, bool] = Map()  # since window_ns; see `question`
    convicted: Map[bytes, Shown] = Map()  # the proof by `charge`


def charge(statement: Showable) -> bytes:
    """The key of what is proved once: a height, a kind of statement, a culprit."""
    kind = type(statement).__name__.encode()
    return statement.height.to_bytes(8) + kind + signer(statement)


def question(kind: str, to: bytes) -> bytes:
    """The key of what is answered once a window."""
    return kind.encode() + to


def bare(said: PrePrepare) -> PrePrepare:
    """A pre-prepare without its value: the signature still holds."""
    return said if said.value is None else replace(said, value=None)


# -- reading --------------------------------------------------------------------------------------


def replicas(state: State) -> views.Replicas:
    window = WINDOWS * state.every
    return views.Replicas(state.since, state.validators, state.weights, state.quorum, window)


def primary(state: State) -> bytes:
    """Whose word counts in our view."""
    return views.primary(state.validators, state.since, state.view)


def is_blocked(state: State) -> bool:
    """Whether our height is outside the window h < n <= H: we are behind, or checkpoints are."""
    return not state.stable < state.height <= state.stable + WINDOWS * state.every


def is_ahead(state: State, said: Phase) -> bool:
    """Whether a statement is of a height or view that we may still come to."""
    if said.height != state.height:
        return said.height > state.height
    waits = said.view == state.view and (not state.active or is_blocked(state))
    return not state.decided and (said.view > state.view or waits)


def is_prepared(state: State) -> bool:
    """Whether our height is prepared in our view: the paper's prepared(m, v, n, i)."""
    proof = state.prepared.get(state.height)
    return proof is not None and proof.pre_prepare.view == state.view


def certificate(state: State) -> Certificate:
    """The proof of a decision, once a quorum has committed."""
    tally = state.slot.commits
    assert tally.quorum_for is not None
    return Certificate(state.height, state.view, tally.quorum_for, quorum_votes(tally))


def may_answer(state: State, kind: str, to: bytes, now_ns: int) -> bool:
    """Whether a question of this kind was not answered in this window yet."""
    if now_ns >= state.window_ns + WINDOW_NS:
        return True
    return len(state.answered) < ANSWERED_MAX and question(kind, to) not in state.answered


def patience_ns(state: State) -> int:
    """How long we listen before we repeat ourselves; not long, if others seem to be ahead."""
    behind = state.claims or state.ahead or state.stable >= state.height
    return min(GRACE_NS, state.again_first_ns) if behind else state.again_first_ns


def first_again_ns(view_ns: int) -> int:
    """How long to listen before we repeat ourselves where a view may take so long.

    What was lost is to be said again, and that twice, before anybody gives up: so where all are
    near and nobody is patient this is sooner than between continents.
    """
    return max(min(AGAIN_NS, view_ns // 4), AGAIN_NS_MIN)


def stable_proof(state: State, height: int) -> tuple[Checkpoint, ...]:
    """The checkpoints of the digest that a quorum took at `height`, sorted by voter."""
    votes = [vote for _, vote in sorted(state.checkpoints.get(height, NO_VOTES).items())]
    weight: dict[bytes, int] = {}
    for vote in votes:
        weight[vote.digest] = weight.get(vote.digest, 0) + state.weights[vote.voter]
    return tuple([vote for vote in votes if weight[vote.digest] >= state.quorum])


def failed(state: State) -> tuple[int, int]:
    """How many views have failed in a row, and how many of them for want of a primary.

    A primary that did not even change to its own view is gone, and a longer wait would not have
    helped: so the wait grows for the failure of somebody who is there, and else once in a full
    turn, in case it is the network that is slow.
    """
    there = state.changes.get(primary(state))
    if state.active or (there is not None and there.view >= state.view):
        return state.failures + 1, state.absent
    absent = state.absent + 1
    return state.failures + (absent % len(state.validators) == 0), absent

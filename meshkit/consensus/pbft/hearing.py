"""What others say, and the gates it passes: this height and view, proper form, something new.

Signatures were verified before. Of each replica, height, view and kind the first statement counts;
a second that says something else is evidence. Statements of heights and views that we may still
come to, or above the window, are kept, a few of each replica, and heard when we are there (P8).
While we change views only checkpoints, view changes and new views change anything (P13), and what
proves itself: a decided value with its certificate.

A node that is behind is noticed by what it says, and shown what it lacks: the decision of a height,
the beginning of a view, the proof of a checkpoint; each once a window, and not while such a message
may merely have been under way. A peer that is ahead of us is remembered and asked.
"""

from collections.abc import Sequence
from typing import TypeAlias, cast

from meshkit.consensus.certificate import stands
from meshkit.consensus.messages import (
    NIL,
    Ask,
    Committed,
    Decided,
    EquivocationSeen,
    ProposalTaken,
)
from meshkit.consensus.pbft import views
from meshkit.consensus.pbft.evidence import conflict, place, signer, vouches
from meshkit.consensus.pbft.fold import evolve
from meshkit.consensus.pbft.messages import (
    Checkpoint,
    CheckpointHeard,
    Commit,
    CommitHeard,
    ConflictShown,
    Event,
    HeightAnswered,
    HeightBegun,
    NewView,
    Offer,
    PeerAhead,
    Phase,
    Prepare,
    PrepareHeard,
    PrePrepare,
    PrePrepareHeard,
    Showable,
    Shown,
    StableAnswered,
    StableFound,
    StatementKept,
    ValueAnswered,
    ViewAnswered,
    ViewChange,
    ViewChangeHeard,
    ViewEntered,
    WantValue,
    WantView,
)
from meshkit.consensus.pbft.rules import Timeouts, next_event
from meshkit.consensus.pbft.state import (
    GRACE_NS,
    State,
    bare,
    charge,
    is_ahead,
    may_answer,
    primary,
    replicas,
)
from meshkit.core.value import Value, digest

LEAPS_MAX = 8  # how often a replica's view change is replaced while we stay in a view (a guess)
LATER_MAX = 12  # statements kept of a replica that is ahead: three of each of four heights
CLAIMS_MAX = 1_024  # peers that may be asked (a guess): one honest among them is enough
SHOWN_MAX = 8  # statements in a bundle for each validator: far more than any has to show

# After these what was kept may not be ahead any more.
RELEASING = frozenset({HeightBegun, StableFound, ViewEntered})

Unfolded: TypeAlias = Sequence[tuple[Event, State]]
"""What is decided, each event with the state after it."""


class Deciding:
    """One command being decided: the events so far, and the state after them."""

    __slots__ = ("me", "now_ns", "released", "state", "timeouts", "unfolded")

    def __init__(self, state: State, me: bytes, timeouts: Timeouts, now_ns: int) -> None:
        self.state = state
        self.me = me
        self.timeouts = timeouts
        self.now_ns = now_ns
        self.unfolded: list[tuple[Event, State]] = []  # each event, with the state after it
        self.released: list[tuple[bytes, Phase]] = []  # what was kept, and is not ahead any more

    def add(self, event: Event) -> None:
        before = self.state.later
        self.state = state = evolve(self.state, event)
        self.unfolded.append((event, state))
        if before and type(event) in RELEASING:
            for sender, statements in sorted(before.items()):
                still = state.later.get(sender, ())
                self.released += [(sender, said) for said in statements if said not in still]

    def obey(self) -> None:
        """Do what the rules say until they are silent, and hear what was kept until then."""
        while True:
            event = next_event(self.state, self.me, self.timeouts, self.now_ns)
            if event is not None:
                self.add(event)
            elif self.released:
                sender, said = self.released.pop(0)
                hear(self, sender, said)
            else:
                return


def hear(deciding: Deciding, sender: bytes, message: Value) -> None:
    """Take in a peer's message, or refuse it by doing nothing."""
    if not deciding.state.height:
        return
    match message:
        case PrePrepare() | Prepare() | Commit():
            _hear_phase(deciding, sender, message)
        case Checkpoint():
            _hear_checkpoint(deciding, sender, message)
        case ViewChange():
            _hear_change(deciding, sender, message)
        case NewView():
            _hear_new_view(deciding, sender, message)
        case Committed():
            _hear_committed(deciding, message)
        case Shown():
            _hear_shown(deciding, message)
        case Offer():
            _hear_offer(deciding, message)
        case Ask(height):
            _hear_ask(deciding, sender, height)
        case WantValue():
            _hear_want_value(deciding, sender, message)
        case WantView(since, view):
            _hear_want_view(deciding, sender, since, view)
        case _:
            return


# -- the three phases -----------------------------------------------------------------------------


def _hear_phase(deciding: Deciding, sender: bytes, said: Phase) -> None:
    state = deciding.state
    if signer(said) not in state.weights and said.height == state.height:
        return
    if is_ahead(state, said):
        _keep(deciding, sender, said)
    elif said.height < state.height or state.decided:
        _hear_of_the_past(deciding, sender, said)
    elif said.view < state.view:
        if sender == signer(said):
            _answer_view(deciding, sender, said.view)
    elif isinstance(said, PrePrepare):
        _hear_pre_prepare(deciding, said)
    else:
        _hear_vote(deciding, said)


def _hear_pre_prepare(deciding: Deciding, said: PrePrepare) -> None:
    """P3: from the primary of this view, in the window, and no other for this height and view."""
    state = deciding.state
    slot, value_id = state.slot, said.value_id
    if said.proposer != primary(state) or value_id == NIL:
        return
    if said.proposer == deciding.me and (slot.own is None or conflict(slot.own, said)):
        return  # signed by our key, but not in our journal: it is not ours to count (P17)
    known = slot.pre_prepare
    if known is not None:
        _accuse(deciding, known, bare(said))
        if value_id not in state.missed:
            return
    if not _has_value(state, said):
        return
    if value_id not in state.values:
        assert said.value is not None
        taken = (state.height, state.view, value_id, said.proposer, said.value)
        deciding.add(ProposalTaken(*taken))
    if known is None:
        deciding.add(PrePrepareHeard(bare(said), deciding.now_ns))
        for _, vote in sorted(slot.prepares.by_voter.items()):
            _compare(deciding, bare(said), cast(Prepare, vote))


def _has_value(state: State, said: PrePrepare) -> bool:
    """Whether the value is at hand, or comes with the pre-prepare."""
    if said.value_id in state.values:
        return True
    return said.value is not None and digest(said.value) == said.value_id


def _hear_vote(deciding: Deciding, vote: Prepare | Commit) -> None:
    """P4: the primary's Prepare does not count. Of each replica the first word does."""
    state, slot = deciding.state, deciding.state.slot
    if isinstance(vote, Prepare):
        tally, own = slot.prepares, slot.prepared_id
        if vote.voter == primary(state):
            return
    else:
        tally, own = slot.commits, slot.committed_id
    if vote.value_id == NIL or (vote.voter == deciding.me and own != vote.value_id):
        return
    known = tally.by_voter.get(vote.voter)
    if known is not None:
        _accuse(deciding, cast("Prepare | Commit", known), vote)
        return
    deciding.add(PrepareHeard(vote) if isinstance(vote, Prepare) else CommitHeard(vote))
    if isinstance(vote, Prepare):
        _compare(deciding, slot.pre_prepare, vote)


def _differ(ours: PrePrepare | None, vote: Prepare | Commit) -> bool:
    """Whether a backup was told otherwise than we were in the same place."""
    if ours is None or not isinstance(vote, Prepare) or ours.value_id == vote.value_id:
        return False
    return (ours.view, ours.height) == (vote.view, vote.height)


def _compare(deciding: Deciding, ours: PrePrepare | None, vote: Prepare) -> None:
    """P19: a backup that was told otherwise is shown what we were told."""
    if ours is not None and _differ(ours, vote) and _may_answer(deciding, "conflict", vote.voter):
        deciding.add(ConflictShown(vote.voter, ours, deciding.now_ns))


def _hear_of_the_past(deciding: Deciding, sender: bytes, said: Phase) -> None:
    """A statement of a height that is decided: evidence, or a question."""
    state = deciding.state
    known = state.slot.pre_prepare if said.height == state.height else state.former
    if isinstance(said, PrePrepare) and known is not None:
        _accuse(deciding, known, bare(said))
    if isinstance(said, Prepare) and said.voter in state.weights:
        _compare(deciding, known, said)
    late = deciding.now_ns >= state.begun_ns + GRACE_NS
    if said.height < state.height and late and sender == signer(said):
        _answer_height(deciding, sender, said.height)


def is_late(state: State, sender: bytes, message: Value, now_ns: int) -> bool:
    """Whether a message leads to nothing, whoever signed it: it need not even be verified.

    The last votes of each height come after its decision.
    """
    if not isinstance(message, Prepare | Commit) or is_ahead(state, message):
        return False
    over = message.height < state.height or state.decided
    known = state.slot.pre_prepare if message.height == state.height else state.former
    if _differ(known, message):
        return False
    behind = message.height < state.height and now_ns >= state.begun_ns + GRACE_NS
    return over and not (behind and sender == message.voter)


def _keep(deciding: Deciding, sender: bytes, said: Phase) -> None:
    """What is ahead of us, from who said it, if there is room for it."""
    state = deciding.state
    if sender != signer(said):
        return
    kept = state.later.get(sender, ())
    near = said.height <= state.height + replicas(state).window
    room = len(kept) < LATER_MAX and sender in state.weights and near
    if isinstance(said, PrePrepare):
        leader = views.primary(state.validators, state.since, said.view)
        room = room and sender in (leader, deciding.me)
    if room and all(place(other) != place(said) for other in kept):
        deciding.add(StatementKept(sender, said, deciding.now_ns))
    elif said.height > state.height or said.view > state.view:
        _notice(deciding, sender, said.height, said.view)


# -- checkpoints ----------------------------------------------------------------------------------


def _hear_checkpoint(deciding: Deciding, sender: bytes, said: Checkpoint) -> None:
    state = deciding.state
    if said.height <= state.stable or said.voter not in state.weights:
        if sender == said.voter and state.since <= said.height:
            _answer_stable(deciding, sender, said.height)
        return
    if said.height >= state.height:
        _notice(deciding, said.voter, said.height + 1, 0)
    near = said.height <= state.stable + 2 * replicas(state).window
    if said.height % state.every or not near:
        return
    if said.voter == deciding.me and state.taken.get(said.height) != said.digest:
        return
    votes = state.checkpoints.get(said.height)
    known = votes.get(said.voter) if votes else None
    if known is not None:
        _accuse(deciding, known, said)
    else:
        deciding.add(CheckpointHeard(said))


# -- views ----------------------------------------------------------------------------------------


def _hear_change(deciding: Deciding, sender: bytes, change: ViewChange) -> None:
    """P9, P20: of each replica its latest, each with all that it rests on checked by itself."""
    state, voter = deciding.state, change.voter
    if change.since != state.since:  # who is in an earlier set asks for heights beside this
        if sender == voter and change.since > state.since:
            _notice(deciding, sender, change.since, 0)
        return
    if voter not in state.weights:
        return
    if sender == voter and views.reach(change) >= state.height:
        _notice(deciding, sender, views.reach(change) + 1, 0)
    if change.view < state.view or (change.view == state.view and state.active):
        if sender == voter:
            _answer_view(deciding, sender, change.view)
        return
    if voter == deciding.me and not _is_ours(state, change):
        return
    known = state.changes.get(voter)
    if known is not None and known.view >= change.view:
        return
    leaps = state.leaps.get(voter, 0)
    if leaps < LEAPS_MAX and views.is_change(change, replicas(state)):
        deciding.add(ViewChangeHeard(change))


def _is_ours(state: State, change: ViewChange) -> bool:
    """Whether our journal knows this view change (P17)."""
    ours = state.change
    return ours is not None and (ours.view, ours.stable, ours.prepared, ours.checkpoints) == (
        change.view,
        change.stable,
        change.prepared,
        change.checkpoints,
    )


def _hear_new_view(deciding: Deciding, sender: bytes, said: NewView) -> None:
    """P10: a view begins as it must, or not at all."""
    state = deciding.state
    if said.since > state.since:
        _notice(deciding, sender, said.since, 0)
    if said.view < state.view or (said.view == state.view and state.active):
        return
    if said.proposer == deciding.me and not _is_made(state, said):
        return
    if not views.is_new_view(said, replicas(state), state.changes):
        return
    deciding.add(ViewEntered(said, deciding.now_ns))
    for change in said.changes:
        if views.reach(change) >= deciding.state.height:
            _notice(deciding, change.voter, views.reach(change) + 1, 0)


def _is_made(state: State, said: NewView) -> bool:
    """Whether our journal knows this new view (P17)."""
    made = state.made
    return made is not None and (made.view, made.changes) == (said.view, said.changes)


# -- what proves itself ---------------------------------------------------------------------------


def _hear_committed(deciding: Deciding, message: Committed) -> None:
    """P18: a decision of our height, from whomever, that agrees with a stable checkpoint."""
    state, proof = deciding.state, message.certificate
    if proof.height != state.height or state.decided:
        return
    if not stands(proof, state.weights, vouches) or digest(message.value) != proof.value_id:
        return
    chain = digest((state.chain, proof.value_id))
    if state.height != state.stable or chain == state.stable_chain:
        deciding.add(Decided(proof, message.value))


def _hear_shown(deciding: Deciding, message: Shown) -> None:
    """Each for itself, and any two against each other."""
    state = deciding.state
    if len(message.statements) > SHOWN_MAX * len(state.validators):
        return
    first: dict[tuple[object, ...], Showable] = {}
    for said in message.statements:
        where = place(said)
        recent = state.height - 1 <= said.height <= state.height + replicas(state).window
        if where is None or signer(said) not in state.weights or not recent:
            continue
        plain = bare(said) if isinstance(said, PrePrepare) else said
        _accuse(deciding, first.setdefault(where, plain), plain)
    for said in message.statements:
        if isinstance(said, Checkpoint) or not is_ahead(deciding.state, said):
            hear(deciding, b"", said)
            deciding.obey()


def _hear_offer(deciding: Deciding, offer: Offer) -> None:
    """A value that we asked for; who gives it does not matter."""
    state = deciding.state
    if offer.height != state.height or state.decided or not state.missed:
        return
    value_id = digest(offer.value)
    if value_id in state.missed:
        taken = (state.height, state.view, value_id, primary(state), offer.value)
        deciding.add(ProposalTaken(*taken))


def _accuse(deciding: Deciding, first: Showable, second: Showable) -> None:
    """Two statements for one place: the same again, or evidence, once."""
    if first == second:
        return
    culprit = conflict(first, second)
    if culprit is not None and charge(first) not in deciding.state.convicted:
        deciding.add(EquivocationSeen(culprit, first, second))


# -- questions and answers ------------------------------------------------------------------------


def _notice(deciding: Deciding, sender: bytes, height: int, view: int) -> None:
    """A peer is ahead: noted once while we are where we are, whatever it claims."""
    state = deciding.state
    if not sender or sender == deciding.me:
        return
    known = state.claims if height > state.height else state.ahead
    above = height > state.height or (height == state.height and view > state.view)
    if above and sender not in known and len(known) < CLAIMS_MAX:
        deciding.add(PeerAhead(sender, height, view, deciding.now_ns))


def _hear_ask(deciding: Deciding, sender: bytes, height: int) -> None:
    state = deciding.state
    if height > state.height:
        _notice(deciding, sender, height, 0)
    elif height < state.height or state.decided:
        _answer_height(deciding, sender, height)


def _hear_want_value(deciding: Deciding, sender: bytes, want: WantValue) -> None:
    state = deciding.state
    if want.height != state.height or state.decided:
        _hear_ask(deciding, sender, want.height)
    elif want.value_id in state.values and _may_answer(deciding, "value", sender):
        deciding.add(ValueAnswered(sender, state.height, want.value_id, deciding.now_ns))


def _hear_want_view(deciding: Deciding, sender: bytes, since: int, view: int) -> None:
    state = deciding.state
    known = state.new_view
    later = known is not None and since == state.since and known.view > view
    if known is not None and later and _may_answer(deciding, "view", sender):
        deciding.add(ViewAnswered(sender, known.view, deciding.now_ns))


def _answer_height(deciding: Deciding, to: bytes, height: int) -> None:
    if height > 0 and _may_answer(deciding, "height", to):
        deciding.add(HeightAnswered(to, height, deciding.now_ns))


def _answer_view(deciding: Deciding, to: bytes, view: int) -> None:
    """Whoever speaks in a view that is over, or still changes to ours, missed how ours began."""
    state = deciding.state
    known, late = state.new_view, deciding.now_ns >= state.moved_ns + GRACE_NS
    if known is None or known.view < view or not late:
        return
    if _may_answer(deciding, "view", to):
        deciding.add(ViewAnswered(to, known.view, deciding.now_ns))


def _answer_stable(deciding: Deciding, to: bytes, height: int) -> None:
    state = deciding.state
    late = deciding.now_ns >= state.stable_ns + GRACE_NS
    if state.proof and late and _may_answer(deciding, "stable", to):
        deciding.add(StableAnswered(to, height, deciding.now_ns))


def _may_answer(deciding: Deciding, kind: str, to: bytes) -> bool:
    return to not in (b"", deciding.me) and may_answer(deciding.state, kind, to, deciding.now_ns)

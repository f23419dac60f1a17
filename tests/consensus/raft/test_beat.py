"""What every turn of the volatile half may do."""

from immutables import Map

from meshkit.consensus.raft.beat import ROUNDS_MAX, Beat, Peer, Round, Turn, voters
from meshkit.consensus.raft.messages import Configuration, Heartbeat
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.state import LEADER, State
from meshkit.core.machine import Moment, Send
from tests.consensus.raft.network import MS, name
from tests.consensus.raft.playbook import ME

THREE = Configuration((ME, name(1), name(2)))
SEEN = State(me=ME, height=1, term=3, role=LEADER, others=(name(1), name(2)), configuration=THREE)


def turn(beat: Beat, now_ns: int = 1_000 * MS, seed: int = 0) -> Turn:
    return Turn(beat, ME, Timing(), Moment(now_ns, seed))


def test_a_round_goes_to_everyone_and_is_remembered_for_a_while() -> None:
    now = turn(Beat(seen=SEEN))
    now.round()
    assert now.effects == [Send(name(n), Heartbeat(3, 1)) for n in (1, 2)]
    assert now.beat.rounds == (Round(1, 1_000 * MS, 0, 0),)
    for _ in range(2 * ROUNDS_MAX):
        now.round()
    assert len(now.beat.rounds) == ROUNDS_MAX


def test_R14_a_round_is_confirmed_by_a_majority_ourselves_included() -> None:
    peers = Map({name(1): Peer(7), name(2): Peer(3)})
    assert turn(Beat(seen=SEEN, sequence=9, peers=peers)).confirmed() == 7
    assert turn(Beat(seen=SEEN, sequence=9)).confirmed() == 0


def test_R15_a_lease_begins_with_what_a_majority_answered() -> None:
    peers = Map({name(1): Peer(7, 500), name(2): Peer(3, 300)})
    assert turn(Beat(seen=SEEN, peers=peers)).leased_ns() == 500


def test_R15_a_clock_that_jumps_voids_what_was_sent_before() -> None:
    peers = Map({name(1): Peer(7, 900 * MS)})
    rounds = (Round(7, 900 * MS, 0, 0),)
    beat = Beat(seen=SEEN, now_ns=900 * MS, started_ns=1, rounds=rounds, peers=peers)
    leased = Timing(lease=True)
    assert Turn(beat, ME, leased, Moment(1_000 * MS, 0)).beat.rounds == rounds
    jumped = Turn(beat, ME, leased, Moment(1_100 * MS, 0)).beat
    assert jumped.peers[name(1)].sent_ns == 0
    assert jumped.rounds == ()
    assert jumped.started_ns == 1_100 * MS, "as after a start"
    assert turn(beat, 1_100 * MS).beat.rounds == rounds, "without leases it does not matter"


def test_R12_dice_come_from_the_moment_and_are_never_the_same() -> None:
    first, again, other = turn(Beat()), turn(Beat()), turn(Beat(), seed=1)
    for one in (first, again, other):
        one.arm()
    assert first.beat.timeout_ns == again.beat.timeout_ns != other.beat.timeout_ns
    first.arm()
    assert first.beat.timeout_ns != again.beat.timeout_ns
    assert first.beat.due_ns == first.now_ns + first.beat.timeout_ns


def test_who_joins_counts_as_heard_and_who_left_is_forgotten() -> None:
    now = turn(Beat(seen=SEEN, peers=Map({name(1): Peer(5), name(7): Peer(6)})))
    now.greet(SEEN)
    assert now.beat.peers == Map({name(1): Peer(5), name(2): Peer(heard_ns=now.now_ns)})


def test_voters_are_those_of_both_sets() -> None:
    both = Configuration((ME, name(3)), (ME, name(1)), (name(5),))
    assert voters(State(configuration=both)) == [ME, name(1), name(3)]

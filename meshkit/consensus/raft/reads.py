"""Reads: from which index on one may be served, and when (R14, R15)."""

from collections.abc import Sequence

from msgspec.structs import replace

from meshkit.consensus.raft.beat import Pending, Readable, Turn, Unreadable
from meshkit.consensus.raft.messages import ReadFrom, WantRead
from meshkit.consensus.raft.state import LEADER, is_fresh

READS_MAX = 1_024  # that wait at once (a guess): more are told that they cannot be served


def read(turn: Turn, token: bytes, asker: bytes) -> None:
    beat, seen = turn.beat, turn.beat.seen
    expires_ns = turn.now_ns + 2 * turn.timing.election_ns
    if any((read.token, read.asker) == (token, asker) for read in beat.reads):
        return
    lost = seen.role != LEADER and (bool(asker) or not seen.leader)
    if lost or len(beat.reads) >= READS_MAX or not seen.height:
        if not asker:
            turn.effects.append(Unreadable(token))
        return
    read = Pending(token, asker, -1, 0, expires_ns)
    if seen.role != LEADER:
        turn.send(seen.leader, WantRead(token))
    elif is_fresh(seen):
        read = _numbered(turn, read)
    turn.beat = replace(turn.beat, reads=(*turn.beat.reads, read))
    serve(turn)


def _numbered(turn: Turn, read: Pending) -> Pending:
    """From the commit of now, when a round that is still to be sent is answered.

    If no round is under way one is sent at once; else this read waits for the next.
    """
    sequence = turn.beat.sequence + 1
    return replace(read, index=turn.beat.seen.commit, sequence=sequence)


def serve(turn: Turn) -> None:
    """Number reads that had to wait, send a round if one is needed, and answer what is ready."""
    beat, seen = turn.beat, turn.beat.seen
    if seen.role == LEADER and is_fresh(seen):
        reads = [_numbered(turn, read) if read.index < 0 else read for read in beat.reads]
        turn.beat = replace(beat, reads=tuple(reads))
    confirm(turn)


def confirm(turn: Turn) -> None:
    """Answer each read whose round a majority has answered, or which a lease covers."""
    if turn.beat.seen.role == LEADER:
        _hurry(turn)
    beat, seen = turn.beat, turn.beat.seen
    confirmed = turn.confirmed() if seen.role == LEADER else 0
    leased = seen.role == LEADER and _is_leased(turn)
    waiting: list[Pending] = []
    for read in beat.reads:
        known = read.index >= 0 and (seen.role != LEADER or leased or read.sequence <= confirmed)
        if known and read.asker:
            turn.send(read.asker, ReadFrom(read.token, read.index))
        elif known and seen.applied >= read.index:
            turn.effects.append(Readable(read.token, read.index))
        else:
            waiting.append(read)
    if len(waiting) != len(beat.reads):
        turn.beat = replace(beat, reads=tuple(waiting))


def _hurry(turn: Turn) -> None:
    """R25 for reads: the first does not wait for the next heartbeat, the others share one."""
    beat = turn.beat
    needed = max([read.sequence for read in beat.reads], default=0)
    if needed > beat.sequence and turn.confirmed() >= beat.sequence and not _is_leased(turn):
        turn.round()


def _is_leased(turn: Turn) -> bool:
    """R15: whether nobody else can have been elected by now, if clocks are as we believe.

    Whom we ever told to stand may do so whenever it hears that, and is voted for whoever leads
    (R16): from then on we have no lease in this term, even if that transfer is long over.
    """
    seen = turn.beat.seen
    if not turn.timing.lease or seen.transfer_due_ns or not is_fresh(seen):
        return False
    length_ns = turn.timing.election_ns * (1_000_000 - turn.timing.drift_ppm) // 1_000_000
    return turn.now_ns < turn.leased_ns() + length_ns


def hear_read_from(turn: Turn, token: bytes, index: int) -> None:
    beat = turn.beat
    reads = [
        replace(read, index=index) if (read.token, read.asker) == (token, b"") else read
        for read in beat.reads
    ]
    if beat.seen.role != LEADER:
        turn.beat = replace(beat, reads=tuple(reads))
        confirm(turn)


def expire(turn: Turn) -> None:
    beat = turn.beat
    if not any(read.expires_ns <= turn.now_ns for read in beat.reads):
        return
    _give_up(turn, [read for read in beat.reads if read.expires_ns <= turn.now_ns])
    kept = tuple([read for read in beat.reads if read.expires_ns > turn.now_ns])
    turn.beat = replace(beat, reads=kept)


def drop_reads(turn: Turn) -> None:
    _give_up(turn, turn.beat.reads)
    turn.beat = replace(turn.beat, reads=())


def _give_up(turn: Turn, reads: Sequence[Pending]) -> None:
    turn.effects += [Unreadable(read.token) for read in reads if not read.asker]

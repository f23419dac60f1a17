"""Pulls: which piece of which blob to ask of whom, and what to make of the answers.

The receiver decides the pace. It keeps a few pieces in flight from one source at a time (a credit,
as in TCP's window) and asks for the next when one has come, so blobs never fill a queue that votes
wait in. Transfers take turns, one request each. A blob of one chunk costs one round trip.

A transfer has one source at a time and goes on with the next where the last one stopped: when the
connection is lost, nothing has come for a while, or it has come too slowly. Only the whole blob
can be checked against its digest. If it does not match and all of it came from one source, that
source is out. If several gave parts, nobody knows who lied: the blob is fetched again, and from
then on only whole from one source, so that each further mismatch removes a liar and the transfer
ends after at most two tries of each source.

Nothing here sends or reads a clock. (What is left out: pieces from several sources at once, and a
tree of digests as in BLAKE3's own verified streaming, which would name the liar at once.)
"""

from collections import Counter, deque
from collections.abc import Sequence

from blake3 import blake3

from meshkit.wire.frames import Chunk, Pull
from meshkit.wire.limits import Limits, S
from meshkit.wire.port import Fetched


class Transfer:
    """One blob on its way. `sources` is never empty; the first is the one being asked."""

    def __init__(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        self.digest, self.size = digest, size
        self.sources = deque(dict.fromkeys(sources))
        self.strikes: Counter[bytes] = Counter()
        self.givers: set[bytes] = set()  # whose bytes are in `chunks`
        self.alone = False  # whether all bytes must come from one source
        self.todo: deque[int] = deque()  # offsets to ask for
        self.asked: set[int] = set()  # offsets in flight from the present source
        self.chunks: dict[int, bytes] = {}
        self.tried_ns: int | None = None  # when the present source was first asked
        self.late_ns = 0  # when it has taken too long in all

    @property
    def source(self) -> bytes:
        return self.sources[0]


class Pulls:
    """All blobs on their way to this node."""

    def __init__(self, limits: Limits, counters: Counter[str]) -> None:
        self.limits, self.counters = limits, counters
        self.transfers: dict[bytes, Transfer] = {}  # arriving, by digest
        self.waiting: dict[tuple[bytes, int], Transfer] = {}  # for their turn, by digest and size
        self.turns: deque[bytes] = deque()  # digests of `transfers`, the next to ask first
        self.flying: Counter[bytes] = Counter()  # pieces in flight by source
        self.heard_ns: dict[bytes, int] = {}  # when a source last gave a piece of anything
        self.done: list[Fetched] = []

    # -- what is asked of us

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None:
        """Want a blob. Wanting it twice only adds sources. It ends in `done`, once.

        Wanting it in another size too is another transfer, for one of the two sizes is a lie, and
        its sources are no fault of the other's.
        """
        begun = self.transfers.get(digest)
        here = begun is not None and begun.size == size
        known = begun if here else self.waiting.get((digest, size))
        if known is not None:
            known.sources.extend(dict.fromkeys(s for s in sources if s not in known.sources))
        elif not 0 <= size <= self.limits.blob_bytes_max:
            self.fail(digest, size, f"a blob of {size} bytes is over the limit")
        elif size == 0:
            if blake3(b"").digest() == digest:
                self.finish(Fetched(digest, b""))
            else:
                self.fail(digest, size, "not empty")
        elif not sources:
            self.fail(digest, size, "nobody has it")
        elif len(self.waiting) >= self.limits.transfers_waiting:
            self.fail(digest, size, "too many blobs are waited for")
        else:
            self.waiting[(digest, size)] = Transfer(digest, size, sources)

    def plan(self, now_ns: int) -> list[tuple[bytes, Pull]]:
        """The requests to send now, by source; each counts as in flight until it is answered."""
        self.expire(now_ns)
        self.begin(now_ns)
        plan: list[tuple[bytes, Pull]] = []
        passed = 0  # transfers in a row that had nothing to ask
        room = self.limits.credit_all - self.flying.total()
        while passed < len(self.turns) and len(plan) < room:
            transfer = self.transfers[self.turns[0]]
            self.turns.rotate(-1)
            if transfer.todo and self.flying[transfer.source] < self.limits.credit:
                plan.append((transfer.source, self.next_piece(transfer, now_ns)))
                passed = 0
            else:
                passed += 1
        return plan

    def next_piece(self, transfer: Transfer, now_ns: int) -> Pull:
        if transfer.tried_ns is None:
            transfer.tried_ns = now_ns
        offset = transfer.todo.popleft()
        transfer.asked.add(offset)
        self.flying[transfer.source] += 1
        return Pull(transfer.digest, offset, self.length_at(transfer, offset))

    def length_at(self, transfer: Transfer, offset: int) -> int:
        return min(self.limits.chunk_bytes, transfer.size - offset)

    def deadline_ns(self) -> int | None:
        """When `plan` will find a source too silent or too slow."""
        times = [self.patience_ns(transfer) for transfer in self.transfers.values()]
        return min((at for at in times if at is not None), default=None)

    def patience_ns(self, transfer: Transfer) -> int | None:
        """When the present source of a transfer will have been too silent or too slow.

        Silent is who gives us nothing at all: on a slow line, transfers wait for one another and
        that is no fault. Slow matters only if there is somebody else to ask.
        """
        if transfer.tried_ns is None:
            return None
        last_ns = max(transfer.tried_ns, self.heard_ns.get(transfer.source, 0))
        silent_ns = last_ns + self.limits.pull_ns
        return min(silent_ns, transfer.late_ns) if len(transfer.sources) > 1 else silent_ns

    def sources(self) -> set[bytes]:
        """Whom we are asking at present."""
        return {transfer.source for transfer in self.transfers.values()}

    # -- what we are told

    def unsent(self, source: bytes, pull: Pull) -> None:
        """A planned request could not be sent now; it will be planned again."""
        transfer = self.transfers.get(pull.digest)
        if transfer is not None and transfer.source == source and pull.offset in transfer.asked:
            transfer.asked.remove(pull.offset)
            transfer.todo.appendleft(pull.offset)
            self.landed(source, 1)

    def chunk(self, source: bytes, chunk: Chunk, now_ns: int) -> None:
        """A piece has come."""
        transfer = self.transfers.get(chunk.digest)
        if transfer is None or transfer.source != source or chunk.offset not in transfer.asked:
            self.counters["blobs.unasked"] += 1
        elif len(chunk.data) != self.length_at(transfer, chunk.offset):
            self.counters["blobs.bad"] += 1
            self.drop_source(transfer, "no source has it in the size that was said", now_ns)
        else:
            transfer.asked.remove(chunk.offset)
            self.heard_ns[source] = now_ns
            self.landed(source, 1)
            transfer.chunks[chunk.offset] = chunk.data
            transfer.givers.add(source)
            transfer.tried_ns = now_ns
            if not transfer.todo and not transfer.asked:
                self.complete(transfer, now_ns)

    def absent(self, source: bytes, digest: bytes, now_ns: int) -> None:
        """A source does not have the blob."""
        transfer = self.transfers.get(digest)
        if transfer is not None and transfer.source == source:
            self.drop_source(transfer, "no source has it", now_ns)

    def lost(self, source: bytes, now_ns: int) -> None:
        """The connection to a source is gone, and with it all that was in flight."""
        for transfer in list(self.transfers.values()):
            if transfer.source == source:
                self.strike(transfer, "no source could be reached", now_ns)

    # -- a transfer's life

    def begin(self, now_ns: int) -> None:
        """Let those who wait begin, in order, as far as there is room."""
        held = sum(transfer.size for transfer in self.transfers.values())
        while self.waiting and len(self.transfers) < self.limits.transfers:
            free = (one for one in self.waiting.values() if one.digest not in self.transfers)
            transfer = next(free, None)
            if transfer is None:
                return
            held += transfer.size
            if self.transfers and held > self.limits.transfers_bytes:
                return
            del self.waiting[(transfer.digest, transfer.size)]
            self.transfers[transfer.digest] = transfer
            self.turns.append(transfer.digest)
            transfer.todo.extend(range(0, transfer.size, self.limits.chunk_bytes))
            self.turn_to(transfer, now_ns)

    def turn_to(self, transfer: Transfer, now_ns: int) -> None:
        """Start to ask the first source for what is left."""
        left = len(transfer.todo) * self.limits.chunk_bytes * len(self.transfers)
        transfer.tried_ns = None
        transfer.late_ns = now_ns + self.limits.pull_ns + left * S // self.limits.pull_bytes_per_s

    def expire(self, now_ns: int) -> None:
        for transfer in list(self.transfers.values()):
            patience_ns = self.patience_ns(transfer)
            if patience_ns is not None and now_ns >= patience_ns:
                self.counters["blobs.timeout"] += 1
                self.strike(transfer, "no source answered in time", now_ns)

    def complete(self, transfer: Transfer, now_ns: int) -> None:
        data = b"".join(transfer.chunks[at] for at in sorted(transfer.chunks))
        if blake3(data).digest() == transfer.digest:
            self.finish(Fetched(transfer.digest, data))
            return
        self.counters["blobs.bad"] += 1
        mixed = len(transfer.givers) > 1
        transfer.alone = True
        if mixed:
            self.leave_source(transfer)
            self.turn_to(transfer, now_ns)
        else:
            self.drop_source(transfer, "no source has what the digest names", now_ns)

    def strike(self, transfer: Transfer, why: str, now_ns: int) -> None:
        """The present source was slow or fell away: try the others first, then it once more."""
        source = transfer.source
        transfer.strikes[source] += 1
        if transfer.strikes[source] >= self.limits.strikes_max:
            self.drop_source(transfer, why, now_ns)
        else:
            self.leave_source(transfer)
            transfer.sources.rotate(-1)
            self.turn_to(transfer, now_ns)

    def drop_source(self, transfer: Transfer, why: str, now_ns: int) -> None:
        """Ask the present source no more for this blob."""
        self.leave_source(transfer)
        transfer.sources.popleft()
        if transfer.sources:
            self.turn_to(transfer, now_ns)
        else:
            del self.transfers[transfer.digest]
            self.turns.remove(transfer.digest)
            self.fail(transfer.digest, transfer.size, why)

    def leave_source(self, transfer: Transfer) -> None:
        """Take back what is in flight; keep what has come, unless it must not be mixed."""
        self.landed(transfer.source, len(transfer.asked))
        transfer.asked.clear()
        if transfer.alone:
            transfer.chunks.clear()
            transfer.givers.clear()
        offsets = range(0, transfer.size, self.limits.chunk_bytes)
        transfer.todo = deque(at for at in offsets if at not in transfer.chunks)

    def landed(self, source: bytes, pieces: int) -> None:
        self.flying[source] -= pieces
        if not self.flying[source]:
            del self.flying[source]
            self.heard_ns.pop(source, None)

    def finish(self, fetched: Fetched) -> None:
        """It is here, in whatever size it was wanted."""
        digest = fetched.digest
        if self.transfers.pop(digest, None) is not None:
            self.turns.remove(digest)
        self.waiting = {name: one for name, one in self.waiting.items() if name[0] != digest}
        self.counters["blobs.fetched"] += 1
        self.done.append(fetched)

    def fail(self, digest: bytes, size: int, why: str) -> None:
        """It is not to be had in this size."""
        self.counters["blobs.failed"] += 1
        self.done.append(Fetched(digest, None, why, size))

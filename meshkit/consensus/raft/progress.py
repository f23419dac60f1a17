"""What the leader knows of one peer's log, and how much it may send it: flow control (R18).

* PROBE: where the logs are alike is not known; one message at a time, until the peer answers.
* REPLICATE: it is known; entries go out one after another without waiting, until as many messages
  or bytes are under way as the limits allow.
* SNAPSHOT: what the peer needs next is compacted; nothing is sent until it has caught up.

`match` is the last place that the peer has acknowledged, `next` the next to send. Each function
takes a progress and gives the one after; none looks at a log.
"""

from meshkit.core.value import Value

PROBE = 0
REPLICATE = 1
SNAPSHOT = 2

INFLIGHT_MAX = 256  # messages of entries under way to a peer (etcd's default)
INFLIGHT_BYTES_MAX = 8 * 2**20  # and their bytes: what a slow link holds for a second (a guess)
MESSAGE_BYTES_MAX = 2**20  # of the entries in one message; one entry may be larger (etcd's default)


class Progress(Value):
    """One peer. `told` is the commit that it was last told of."""

    match: int = 0
    next: int = 1
    mode: int = PROBE
    waiting: bool = False  # in PROBE: for the answer to what was sent
    snapshot: int = 0  # in SNAPSHOT: the index of the one offered
    told: int = 0
    inflight: tuple[int, ...] = ()  # the last place of each message under way
    weights: tuple[int, ...] = ()  # and its bytes


def may_send(progress: Progress) -> bool:
    """Whether entries may be sent now."""
    if progress.mode == REPLICATE:
        full = len(progress.inflight) >= INFLIGHT_MAX
        return not full and (not progress.weights or sum(progress.weights) < INFLIGHT_BYTES_MAX)
    return progress.mode == PROBE and not progress.waiting


def sent(progress: Progress, last: int, size: int, commit: int) -> Progress:
    """The entries up to `last` (or none, if it is not past what was sent before) are on their way.

    The message tells the commit `commit`.
    """
    match, next_, mode, waiting, snapshot, told, inflight, weights = _fields(progress)
    told = commit if commit > told else told
    if mode != REPLICATE:
        return Progress(match, next_, mode, True, snapshot, told, inflight, weights)
    if last < next_:
        return Progress(match, next_, mode, waiting, snapshot, told, inflight, weights)
    inflight, weights = (*inflight, last), (*weights, size)
    return Progress(match, last + 1, mode, waiting, snapshot, told, inflight, weights)


def acknowledged(progress: Progress, index: int, reach: int) -> Progress:
    """The peer has all up to `index`; from now on entries may follow one another.

    Who was offered a snapshot has caught up when it has that, or all that is before our log, which
    reaches back to `reach`.
    """
    match = max(progress.match, index)
    next_ = max(progress.next, index + 1)
    if progress.mode == SNAPSHOT and match < min(progress.snapshot, reach):
        return Progress(match, next_, SNAPSHOT, True, progress.snapshot, progress.told)
    if progress.mode != REPLICATE:
        return Progress(match, match + 1, REPLICATE, False, 0, progress.told)
    inflight = progress.inflight
    done = 0
    while done < len(inflight) and inflight[done] <= index:
        done += 1
    weights = progress.weights[done:]
    return Progress(match, next_, REPLICATE, False, 0, progress.told, inflight[done:], weights)


def rejected(progress: Progress, next_index: int) -> Progress:
    """The peer's log differs before where we sent: probe from `next_index` on."""
    next_ = max(progress.match + 1, next_index)
    return Progress(progress.match, next_, PROBE, False)


def is_stale(progress: Progress, index: int) -> bool:
    """Whether a refusal at `index` answers a message that no longer matters."""
    if progress.mode == REPLICATE:
        return index <= progress.match
    return index != progress.next - 1


def lost(progress: Progress) -> Progress:
    """What is under way may be lost: ask again where the logs are known to be alike.

    Who is asked where that is is asked again at the same place.
    """
    # A snapshot that was offered is offered again, and forgotten if the log reaches back by then.
    next_ = progress.next if progress.mode == PROBE else progress.match + 1
    return Progress(progress.match, next_, PROBE, False)


def offered(progress: Progress, index: int) -> Progress:
    """A snapshot at `index` is on its way."""
    return Progress(progress.match, index + 1, SNAPSHOT, True, index, progress.told)


def _fields(
    progress: Progress,
) -> tuple[int, int, int, bool, int, int, tuple[int, ...], tuple[int, ...]]:
    return (
        progress.match, progress.next, progress.mode, progress.waiting, progress.snapshot,
        progress.told, progress.inflight, progress.weights,
    )  # fmt: skip

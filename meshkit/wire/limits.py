"""Every limit of the wire in one place, each with its warrant.

ZeroMQ's high-water marks count finished messages, so alone they bound nothing in bytes: 1,000
messages of 4 MiB are 4 GiB, and a message of a thousand frames that never ends is not counted at
all. What bounds memory is the guard (`meshkit.wire.guard`), which compares what the kernel
received on a connection with what we read from it.
"""

from typing import NamedTuple

KIB = 1024
MIB = 1024 * KIB
MS = 1_000_000  # in nanoseconds
S = 1_000 * MS


class Limits(NamedTuple):
    """Bounds and times of one mesh connection. The defaults serve a mesh of up to about 100."""

    # -- messages. A proposal carries lists of updates: 67 lists of 100 updates of 250 bytes make
    # 1.7 MB in a mesh of 100, and a block may hold more than one result.
    frame_bytes_max: int = 8 * MIB
    guest_bytes_max: int = 64 * KIB  # a ticket is under 1 KiB; names and addresses are short
    operator_bytes_max: int = 1 * MIB  # a task's parameters are the largest thing an operator sends

    # -- queues, in messages
    queue: int = 1_000  # libzmq's own default high-water mark
    guest_queue: int = 32  # of one guest; it waits for each answer, so 1 would do
    guest_answers: int = 4  # waiting for one guest, who reads each before it asks again
    subscription_queue: int = 16  # a member subscribes once a connection
    drain: int = 64  # read from one peer's publisher before the others have their turn
    drain_direct: int = 512  # read from all peers, which libzmq takes in turn, in one call
    visits: int = 64  # of guests, handed to the shell in one turn

    # -- connections. A member has one to each of our sockets; twice that while it restarts.
    connections_max: int = 512
    guests_max: int = 64  # at the join endpoint at once; the oldest makes room
    unread_bytes_max: int = 32 * MIB  # sent on a connection and not yet read by us
    guest_total_bytes: int = 4 * MIB  # a guest's whole life on one connection: 64 full messages
    silent_bytes_max: int = 64 * KIB  # on a connection where nothing is to be said to us
    sweep_ns: int = 100 * MS  # how often connections are measured: 50 MB at CURVE's 500 MB/s

    # -- handshakes, in seconds as the allowance is. One costs us about 0.2 ms of X25519.
    handshakes_per_s: float = 0.5  # of one key at one socket: a flapping node is heard again soon
    handshakes_burst: int = 32  # an impatient operator restarting a node, on a machine that stalls
    guests_per_s: float = 20.0  # of all guests: 0.4 % of a core
    guests_burst: int = 64
    handshake_ms: int = 3_000  # for a connection to prove itself, our own stalls included
    ban_ns: int = 60 * S  # a guess: long enough to matter, short enough to forgive a bug

    # -- what one member may say. Opening an envelope costs about 0.1 ms, so one flooder can take
    # half a core and no more; a mesh that decides 1,000 items/s needs a fifth of this.
    messages_per_s: float = 5_000.0
    messages_burst: int = 10_000
    bytes_per_s: float = 32.0 * MIB
    bytes_burst: int = 64 * MIB
    repairs_per_s: float = 1_000.0  # published messages one member may ask for again
    repairs_burst: int = 2_000

    # -- what one guest may ask, and all of them
    visits_per_s: float = 5.0
    visits_burst: int = 20
    all_visits_per_s: float = 50.0
    all_visits_burst: int = 200

    # -- gaps
    ring_count: int = 4_096  # of our own messages kept to be asked for again
    ring_bytes: int = 32 * MIB  # the same, in bytes
    window: int = 1_024  # numbers of one publisher that we may be waiting for
    history: int = 64  # numbers before the first we hear that we still want: a slow joiner's loss
    ask: int = 64  # numbers asked for at once
    ask_ns: int = 200 * MS  # then again, doubling: a few round trips of a wide-area network
    asks_max: int = 6  # 200 ms doubled five times is 12 s in all
    beacon_ns: int = 50 * MS  # from a publication to the beacon behind it, doubling while silent
    beacon_ns_max: int = 2 * S  # n beacons a node every 2 s are 50/s in a mesh of 100

    # -- blobs
    # Measured between two processes: a MiB costs 4.5 ms of processor time on both sides together
    # in chunks of 128 KiB, no less in larger ones, and 7 ms in chunks of 32 KiB.
    chunk_bytes: int = 128 * KIB
    chunk_bytes_max: int = 256 * KIB  # that another may ask of us: twice what we ask
    credit: int = 8  # chunks in flight from one source: 1 MiB covers 8 ms at 1 Gbit/s
    credit_all: int = 64  # chunks in flight in all: 8 MiB
    transfers: int = 32  # blobs arriving at once
    transfers_bytes: int = 512 * MIB  # their sizes together; the next waits for its turn
    transfers_waiting: int = 4_096  # a round of 100 trainers has 100
    blob_bytes_max: int = 256 * MIB  # four of the ledger's default `update_bytes_max`
    pull_ns: int = 2 * S  # without progress, before another source is asked
    pull_bytes_per_s: int = 256 * KIB  # a source slower than 2 Mbit/s is given up
    strikes_max: int = 2  # times a source may be slow in one transfer
    serve: int = 32  # chunks served in one turn: 4 MiB, about 2 ms, before votes have theirs
    shelf_bytes: int = 256 * MIB  # of blobs looked up and kept for the next chunk
    blob_queue: int = 16  # chunks waiting for one asker: twice its credit
    idle_ns: int = 30 * S  # before a blob connection that nobody uses is closed

    # -- TCP
    heartbeat_ms: int = 2_000  # as SWIM's protocol period, roughly
    heartbeat_timeout_ms: int = 6_000  # three of them
    reconnect_ms: int = 50
    reconnect_ms_max: int = 1_000  # a restarted peer is heard again within a second
    connect_ms: int = 5_000
    linger_ms: int = 100  # for last words at close
    backlog: int = 128
    ipv6: bool = False

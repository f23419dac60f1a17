"""PBFT: consensus with a fixed primary, among validators of whom less than a third may lie.

After "Practical Byzantine Fault Tolerance" (Castro, Liskov, 1999; 2002), with signatures. The
primary of a view assigns values to heights, one after another, for as long as it does well: it
pre-prepares, backups prepare, all commit; a quorum of commits decides a height. Three message
delays, and no election in between.

Safety rests on quorums. Who commits a value has seen a quorum prepare it, and says so in every
later view change until a checkpoint above it is stable; so no view can begin with another value.
Liveness rests on timers that double while views fail in a row, on replicas that follow more than a
third of the others into a higher view, and on waiting for a quorum before the next timer starts.

    messages   statements, the messages they travel in, commands, events
    views      proofs, view changes and new views: what may have been decided, in plain values
    state      what a replica knows
    fold       how each event changes that
    rules      what follows from what is known
    hearing    what others say, and the gates it passes
    speech     what we say, and say again
    machine    the machine
    evidence   who lied: pairs that convict
    pace       whether the primary is slow on purpose
    stall      since when no quorum answers
    face       what a node asks of the state between events
    clients    what a client believes: requests, replies, and the cache of replies

How this fits under a ledger of heights (one value in flight, null requests, checkpoints, changing
validator sets) is told where it is obeyed: `rules`, `views`, `fold`.

What is left out: authenticators instead of signatures, tentative execution, read-only requests,
transfer of state by pages, and proactive recovery of replicas.
"""

from meshkit.consensus.pbft.face import is_late
from meshkit.consensus.pbft.machine import Pbft
from meshkit.consensus.pbft.rules import Timeouts
from meshkit.consensus.pbft.stall import heard_weight, silent, stalled_since
from meshkit.consensus.pbft.state import State

__all__ = ["Pbft", "State", "Timeouts", "heard_weight", "is_late", "silent", "stalled_since"]

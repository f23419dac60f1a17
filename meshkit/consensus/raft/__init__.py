"""Raft: consensus among members of one trusted site, of whom a minority may crash.

After "In search of an understandable consensus algorithm" (Ongaro and Ousterhout, 2014) and
Ongaro's dissertation of that year. One leader a term puts values into a log; what a majority has
made durable is committed, in the order of the log. A leader has every committed entry, since a
majority voted for it and votes only for logs no worse than its own. Nobody lies here: a decision is
proved to nobody, so its certificate holds no votes.

It comes in two halves. The *journaled* one holds whatever safety rests on: term, vote, log,
configuration, commit, and a leader's knowledge of its peers. The *volatile* one holds what is true
only now and would fill an append-only journal with heartbeats: who was heard when, election
timeouts, pre-votes, reads. It is lost in a crash, and safely so. It tells the journaled half what
it knows by commands, which are journaled; never the other way round.

    messages     the messages, commands and effects
    events       the events
    quorum       majorities, simple and joint
    confchange   changes of the configuration, and the way to a target
    log          the tail of the log
    progress     what the leader knows of a peer, and how much it may send it
    state        what a node knows
    evolve       and how each event changes it
    rules        what follows from what is known
    hearing      what others say
    speech       what we say, and say again
    machine      the journaled half
    pulse        the volatile half; its state and turns are in `beat`, its reads in `reads`
    both         the two together, one step at a time, for scripts and harnesses
    script       a few members played by hand, in plain numbers and texts
    stall        since when no majority answers
    face         what a node asks of the state between events

What the shell owes them, in order: it asks `pulse.admits` before it lets the journaled half hear a
request for a vote; it steps the journaled half; it sends what is `Early` or a `Notice`; it makes
the tick's entries durable; it does the other effects; it shows the volatile half the state
(`Look`); and only then it takes the next commands. What `Pulse` tells (`Tell`) it takes as the
journaled half's next command. Where leases are granted, all entries are durable before it looks.

Values travel one at a time under the face of all engines: the next is asked for when the last is
decided, and holds all that came meanwhile, so the first leaves at once and batches grow with load,
without a timer (R25). Whoever drives the machine below that face may propose height after height
without waiting, until it is `busy` (R18).

What is left out: witnesses, weights, and reads from followers that do not ask the leader.
"""

from meshkit.consensus.raft.machine import Raft
from meshkit.consensus.raft.pulse import Pulse
from meshkit.consensus.raft.rules import Timing
from meshkit.consensus.raft.stall import heard_weight, silent, stalled_since
from meshkit.consensus.raft.state import State

__all__ = ["Pulse", "Raft", "State", "Timing", "heard_weight", "silent", "stalled_since"]

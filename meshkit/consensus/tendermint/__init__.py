"""Tendermint: consensus among known validators of whom less than a third of the weight may lie.

After "The latest gossip on BFT consensus" (Buchman, Kwon, Milosevic, 2018). A height is decided in
rounds. In each round one validator proposes, all prevote, all precommit; a quorum of precommits for
one value decides it. Three message delays, when nothing goes wrong.

Safety rests on locks. Who precommits a value locks on it, and from then on prevotes nothing else,
unless a quorum of prevotes from the same or a later round vouches for it. So once a quorum has
precommitted a value, no later quorum of prevotes for another can come about: the two would share
an honest validator. Liveness rests on timeouts that grow from round to round, and on proposers that
propose again what a quorum prevoted, until the network is quick enough for one round of an honest
proposer to succeed. No clock is trusted: times only decide when to give up waiting.

    messages   statements, the messages they travel in, commands, events
    state      what a node knows
    fold       how each event changes that
    rules      the paper's lines: what follows from what is known
    hearing    what others say, and the gates it passes
    speech     what we say, and say again
    machine    the machine
    script     one validator played by hand, in plain numbers and texts
    evidence   who lied: pairs that convict, and what a disagreement proves
    stall      since when no quorum answers
    face       what a node asks of the state between events

Whatever was meant to reach the others is said again while it matters, so each lost message is only
late; whatever binds us is journaled before it is said. Heights open when something is ready: an
idle mesh exchanges only a rare question, which finds decisions that nobody told us of.

What is left out: votes are not gossiped onwards except where the paper's argument needs it
(`speech`); and there is no fork choice: if more than a third lie, two certificates can contradict
each other, and `evidence.culprits` names the liars.
"""

from meshkit.consensus.tendermint.hearing import is_late
from meshkit.consensus.tendermint.machine import Tendermint
from meshkit.consensus.tendermint.rules import Timeouts
from meshkit.consensus.tendermint.stall import heard_weight, silent, stalled_since
from meshkit.consensus.tendermint.state import State

__all__ = ["Tendermint", "Timeouts", "State", "heard_weight", "is_late", "silent", "stalled_since"]

"""The proving ground of bare engines: any consensus engine under a service of registers.

The world is that of whole nodes (`meshkit.sim`): its agenda, dice, clocks, network, disks, nemesis
and processes. What runs on it is less: an engine, a replicated service, and clients that call it.

    service      registers and client sessions, replicated
    driver       a replica: an engine, the service, the policies between them
    kit          what an engine brings beside itself
    tendermint   the kit of Tendermint
    pbft         the kit of PBFT
    raft         the kit of Raft, with its volatile half

    client       clients, who write down what they saw
    replica      a process that runs a replica
    world        replicas, clients, and what lies between them
    tongues      ways to lie that no engine is needed for

    check        what must never happen, looked for after every entry
    setting      what a seed draws, and the scenarios by name
    trial        faults, then healing, and what must have become of it
    campaign     a seed played twice, and told of in a report

    cases        what is searched exhaustively (`meshkit.sim.search`): Tendermint,
    more_cases   and PBFT and Raft

To plug in an engine is to write its kit: the engine as the node knows it (`meshkit.consensus.
engines`), the sizes and timeouts that seeds draw, how urgently its effects need the disk, its
liars, the names of its rare states, and its volatile half, where it has one.
"""

from meshkit.sim.engines.campaign import KITS, SCENARIOS, play

__all__ = ["KITS", "SCENARIOS", "play"]

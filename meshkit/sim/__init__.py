"""The world in a box: whole meshes in virtual time, under faults and liars, and checked throughout.

The nodes are the very same: `mesh_node` and the core's shell, stepped as a host steps them. What is
modelled is the world around them, and one seed drives it all:

    agenda       virtual time: what happens next, in one order
    dice         chance, from the seed alone
    clock        a node's own clock, wrong and uneven
    network      loss, delay, repetition, cuts and clogs
    store        disks that fail, and journals on them: entries as they are, or real bytes
    voice        signatures as a model with their cost, or real envelopes
    labour       training and aggregation as pure functions of their inputs
    perform      effects, done
    process      a node's life: ticks, deaths, restarts
    mesh         processes, and who is connected to whom
    people       identities, the same in every run

    liars        members that do not keep to the protocol, each in its own way
    nemesis      whoever crashes, pauses, cuts and clogs
    operators    tasks, tickets and removals, asked for until they are settled

    watch        what is told of a run while it goes on
    check        what must never happen, looked for after every entry
    rare         what a campaign must have reached

    setting      what a seed draws: mesh, liars, work, weather
    scenarios    settings by name
    run          faults, then healing, and what must have become of it
    campaign     a seed played twice, and told of in a report
    bench        how fast whole nodes are stepped

    linearizable whether what clients saw could have happened one thing at a time
    search       every order in which a few things can happen to a few nodes
    engines/     the same world for bare consensus engines under a service of registers

The idea is FoundationDB's (Zhou et al. 2021, section 4): where all that is uncertain comes from a
seed, a failure found once in a million is found again whenever it is asked for. From TigerBeetle's
simulator it takes the two phases, safety and liveness, from "swarm testing" (Groce et al. 2012)
that each seed has faults of its own, from madsim that every seed is run twice.

What is left out: rot of whole nodes' journals in place (its tests are the journal's), time that
passes within a step, and real sockets; those stand in `integration/`.
"""

from meshkit.sim.campaign import play
from meshkit.sim.run import Report
from meshkit.sim.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "Report", "play"]

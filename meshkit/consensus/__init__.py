"""Consensus: how the validators of a mesh agree, height by height, on one value each.

    messages      what every engine is told and tells: the face the ledger sees
    quorum        what is enough, and votes counted
    certificate   whether statements amount to a proof of a decision
    rotation      whose turn it is to propose
    absence       whom no turns are given for a while, because theirs brought nothing
    engines       which engines there are, and what a node asks of each
    sessions      clients' requests, each executed once
    tendermint/   the engine for validators of whom less than a third may lie
    pbft/         the same, with a primary that stays until it fails
    raft/         the engine for one trusted site, where a minority may crash

An engine is a machine (`meshkit.core.machine`). It never looks inside a value, checks no
signature and knows no ledger: statements reach it verified, values reach it judged, and the
validators of each height are told to it.
"""

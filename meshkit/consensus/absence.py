"""Whom no turn to propose is given for a while: those whose turns brought nothing.

With a plain rotation a dead validator costs a timeout each time its turn comes: a third of them
dead, and every third height is slow for ever. But the chain tells who failed. Every node knows who
built the value decided at a height, and whose turns came before the builder's: these brought
nothing, and the next `PATIENCE` ** misses · n heights go by without them, up to `MISSES_MAX`
misses. Whoever builds a decided value is clear of it. All of this follows from what is decided, so
all nodes agree on it, and a node that catches up comes to the same.

A slow network, or a third of liars that time their votes, can have honest validators passed over,
so it must harm nobody: who is passed over votes as before; no more is passed over at once than a
third may be dead, so honest validators have most of the turns that are left; and a height that has
given each of them a turn goes on by the plain rotation, where everybody has one.

Leader reputation in DiemBFT (version 4, section 3.5) looks at a window of past rounds with the
same aim; the doubling wait is that of any retry.
"""

from collections.abc import Sequence

from immutables import Map

from meshkit.consensus.messages import Validator
from meshkit.consensus.rotation import proposer
from meshkit.core.value import Value

PATIENCE = 4  # how much longer each further miss in a row is remembered (a guess)
MISSES_MAX = 6  # 4 ** 6 turns: a dead one then costs a timeout in 4,096 cycles


class Absence(Value):
    """How often a validator's turns brought nothing, in a row; and the height that ends it."""

    misses: int
    until: int


Absences = Map[bytes, Absence]


def present(
    validators: Sequence[Validator], absences: Absences, height: int
) -> tuple[Validator, ...]:
    """Who is given turns at a height: all but the absent, who weigh less than a third together."""
    gone = [
        (-absence.misses, -absence.until, id_)
        for id_, absence in sorted(absences.items())
        if absence.until > height
    ]
    if not gone:
        return tuple(validators)
    weights = {validator.id: validator.weight for validator in validators}
    room = (sum(weights.values()) - 1) // 3
    passed_over: list[bytes] = []
    for _, _, id_ in sorted(gone):
        if (weight := weights.get(id_, 0)) <= room:
            room -= weight
            passed_over.append(id_)
    return tuple(one for one in validators if one.id not in passed_over)


def whose_turn(
    validators: Sequence[Validator], turns: Sequence[Validator], height: int, round_: int
) -> bytes:
    """Who proposes: of `turns`, as `present` tells them, and once each had one, of everybody."""
    return proposer(turns if round_ < len(turns) else validators, height, round_)


def noted(
    absences: Absences,
    validators: Sequence[Validator],
    turns: Sequence[Validator],
    height: int,
    builder: bytes,
) -> Absences:
    """What is known after `height`, whose value `builder` built; `validators` are those of it."""
    missed: list[bytes] = []
    for round_ in range(len(turns)):
        who = whose_turn(validators, turns, height, round_)
        if who == builder:
            break
        missed.append(who)
    else:
        return absences  # it was built by somebody passed over, or is of no value: nothing is told
    if builder in absences:
        absences = absences.delete(builder)
    for who in dict.fromkeys(missed):
        before = absences.get(who)
        misses = min(before.misses + 1 if before else 1, MISSES_MAX)
        until = height + 1 + PATIENCE**misses * len(validators)
        absences = absences.set(who, Absence(misses, until))
    return absences


def among(absences: Absences, validators: Sequence[Validator]) -> Absences:
    """Only those of the validators."""
    if not absences:
        return absences
    ids = frozenset(validator.id for validator in validators)
    return Map({id_: absence for id_, absence in sorted(absences.items()) if id_ in ids})

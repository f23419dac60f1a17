"""Since when no quorum answers: what an operator is told when nothing is decided.

A step that waits for votes waits without a timer until a quorum has voted, either way: then the
rules give it one. So if such a step lasts, fewer than a quorum were heard in it, and they have not
been since it began. An idle height waits for nobody, and whether a quorum could be reached is not
known before one is needed.
"""

from meshkit.consensus.quorum import Tally
from meshkit.consensus.tendermint.messages import PRECOMMIT
from meshkit.consensus.tendermint.state import AGAIN_NS, PROPOSE, State, round_of


def stalled_since(state: State, now_ns: int) -> int | None:
    """When the step began in which a quorum is missing; None if none is, or not for long.

    Who does not vote follows the round, and calls it stalled when neither kind has a quorum.
    """
    waiting = state.round >= 0 and not state.decided and state.step_due_ns == 0
    late = now_ns - state.step_ns > 2 * AGAIN_NS  # said again once, and answered
    return state.step_ns if waiting and late and heard_weight(state) < state.quorum else None


def heard_weight(state: State) -> int:
    """The weight of those heard in what we wait for."""
    return max(tally.weight for tally in _awaited(state))


def silent(state: State) -> tuple[bytes, ...]:
    """The validators not heard in what we wait for, by id."""
    tallies = _awaited(state)
    ids = (validator.id for validator in state.validators)
    return tuple(id_ for id_ in ids if not any(id_ in tally.by_voter for tally in tallies))


def _awaited(state: State) -> tuple[Tally, ...]:
    at = round_of(state, state.round)
    if state.step == PROPOSE:
        return at.prevotes, at.precommits
    return (at.precommits,) if state.step == PRECOMMIT else (at.prevotes,)

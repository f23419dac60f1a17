"""What operators order of an engine at any time, as far as its shell lets them: here, of Raft.

An order is given to any replica, whether or not it can obey, and makes no promise: what is checked
is that nothing breaks. None makes a configuration that bears less than the one before it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from meshkit.consensus.raft.confchange import ADD_LEARNER, Change, Membership, enter_joint, simple
from meshkit.consensus.raft.messages import (
    ChangeConfiguration,
    Compact,
    TransferLeadership,
    Unreachable,
)
from meshkit.consensus.raft.state import LEADER, State, configured, membership
from meshkit.core.value import Value
from meshkit.sim.dice import Dice

Order: TypeAlias = Callable[[Dice, State, Sequence[bytes]], Value | None]
"""What is ordered of a replica in this state, given everybody's ids; None where nothing can be."""


def transfer(dice: Dice, state: State, ids: Sequence[bytes]) -> Value:
    """Somebody is to lead: a voter or not, who leads already or not."""
    return TransferLeadership(dice.pick(ids))


def forget(dice: Dice, state: State, ids: Sequence[bytes]) -> Value | None:
    """Part of the log that is applied is to be forgotten: who lags behind it needs a snapshot."""
    first = state.log.offset + 1
    return Compact(dice.between(first, state.applied)) if first <= state.applied else None


def unreachable(dice: Dice, state: State, ids: Sequence[bytes]) -> Value:
    """Somebody is said to be out of reach, and need not be."""
    return Unreachable(dice.pick(ids))


def rejoin(dice: Dice, state: State, ids: Sequence[bytes]) -> Value | None:
    """The same voters, joint with themselves."""
    before = _free(state)
    return ChangeConfiguration(configured(enter_joint(before, ()))) if before else None


def listen(dice: Dice, state: State, ids: Sequence[bytes]) -> Value | None:
    """Who does not vote is to listen; it is sent away again, as nobody has a seat for it."""
    before = _free(state)
    strangers = [id_ for id_ in ids if before and id_ not in before.everyone()]
    if before is None or not strangers:
        return None
    return ChangeConfiguration(
        configured(simple(before, [Change(ADD_LEARNER, dice.pick(strangers))]))
    )


def _free(state: State) -> Membership | None:
    """The configuration that a change would be made to, if there may be one."""
    before = membership(state.configuration)
    return before if state.role == LEADER and before.voters and not before.joint else None


RAFT_ORDERS: Mapping[str, Order] = {
    "transfer": transfer,
    "forget": forget,
    "unreachable": unreachable,
    "rejoin": rejoin,
    "listen": listen,
}

"""Changes of the configuration: who votes, who only listens. Plain data in and out.

A *simple* change adds or removes at most one voter, so that any majority of the old set and any of
the new share a voter. More than one needs *joint consensus* (Ongaro 2014, 4.3): the joint
configuration has the new set (`voters`) beside the old one (`outgoing`), and everything needs a
majority of each, until a second change leaves it. Learners receive everything and count for
nothing. Whoever is to become a learner but still votes in the outgoing set is kept in
`learners_next` until the joint configuration is left, since nobody is voter and learner at once.

The semantics, and the reasons for a refusal, are those of etcd's raft: a change that cannot be is a
`Refused` with that reason; a voter added again stays one, and removing a stranger does nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from meshkit.consensus.raft.quorum import losses_borne

ADD_VOTER = "add voter"
ADD_LEARNER = "add learner"
REMOVE = "remove"
UPDATE = "update"  # what is known of a member besides; nothing changes here
NOBODY = None  # the member of a change that somebody has struck out: it is passed over


class Refused(ValueError):
    """This change cannot be made to this configuration; the text says why."""


class Change(NamedTuple):
    """One member's new part: `kind` is ADD_VOTER, ADD_LEARNER, REMOVE, or UPDATE for the same."""

    kind: str
    member: Any


class Membership(NamedTuple):
    """Who takes part how. The sets hold ids of any kind that can be compared."""

    voters: frozenset[Any] = frozenset()
    outgoing: frozenset[Any] = frozenset()  # the old voters, while the configuration is joint
    learners: frozenset[Any] = frozenset()
    learners_next: frozenset[Any] = frozenset()  # outgoing voters that are learners afterwards
    auto_leave: bool = False  # whether the leader ends the joint configuration by itself

    @property
    def joint(self) -> bool:
        return bool(self.outgoing)

    def everyone(self) -> list[Any]:
        """All that receive the log, in order."""
        return sorted(self.voters | self.outgoing | self.learners)


def simple(membership: Membership, changes: Iterable[Change]) -> Membership:
    """The configuration after changes that touch at most one voter."""
    if membership.joint:
        raise Refused("can't apply simple config change in joint config")
    changed = _apply(membership, changes)
    if len(membership.voters ^ changed.voters) > 1:
        raise Refused("more than one voter changed without entering joint config")
    return changed


def enter_joint(
    membership: Membership, changes: Iterable[Change], auto_leave: bool = True
) -> Membership:
    """The joint configuration between `membership` and what the changes make of it."""
    if membership.joint:
        raise Refused("config is already joint")
    if not membership.voters:
        # A first configuration has no majority that could agree to it.
        raise Refused("can't make a zero-voter config joint")
    joint = membership._replace(outgoing=membership.voters)
    return _apply(joint, changes)._replace(auto_leave=auto_leave)


def leave_joint(membership: Membership) -> Membership:
    """The configuration with the incoming voters alone."""
    if not membership.joint:
        raise Refused("can't leave a non-joint config")
    learners = membership.learners | membership.learners_next
    return Membership(membership.voters, frozenset(), learners)


def change(
    membership: Membership, changes: Sequence[Change], transition: str = "auto"
) -> Membership:
    """What a proposed change makes of a configuration, as etcd's ConfChangeV2 has it.

    No changes leave a joint configuration. The transition "auto" is simple for one change and joint
    with automatic leaving for more; "implicit" and "explicit" are joint, which the leader ends by
    itself or not.
    """
    if not changes and transition == "auto":
        return leave_joint(membership)
    if transition == "auto" and len(changes) == 1:
        return simple(membership, changes)
    return enter_joint(membership, changes, auto_leave=transition != "explicit")


def _apply(membership: Membership, changes: Iterable[Change]) -> Membership:
    for kind, member in changes:
        if member is NOBODY or kind == UPDATE:
            continue
        if kind == ADD_VOTER:
            membership = _voter(membership, member)
        elif kind == ADD_LEARNER:
            membership = _learner(membership, member)
        elif kind == REMOVE:
            membership = _without(membership, member)
        else:
            raise Refused(f"unexpected conf type {kind}")
    if not membership.voters:
        raise Refused("removed all voters")
    return membership


def _voter(membership: Membership, member: Any) -> Membership:
    return membership._replace(
        voters=membership.voters | {member},
        learners=membership.learners - {member},
        learners_next=membership.learners_next - {member},
    )


def _learner(membership: Membership, member: Any) -> Membership:
    if member in membership.learners:
        return membership
    left = _without(membership, member)
    if member in left.outgoing:
        return left._replace(learners_next=left.learners_next | {member})
    return left._replace(learners=left.learners | {member})


def _without(membership: Membership, member: Any) -> Membership:
    return membership._replace(
        voters=membership.voters - {member},
        learners=membership.learners - {member},
        learners_next=membership.learners_next - {member},
    )


# -- towards a target ------------------------------------------------------------------------------


def towards(
    membership: Membership, target: Iterable[Any], caught_up: Iterable[Any]
) -> Membership | None:
    """The next configuration on the way to the voters `target`; None when there is nothing to do.

    Newcomers are learners until they are among those that have `caught_up`. Then all of them become
    voters and whoever is not in the target goes, in one step: simple if one voter changes, joint if
    more do. Nothing grows or shrinks by halves, so whatever loss both the old set and the target
    bear, every configuration between them bears, too: three of which one is replaced are never two.
    While some newcomers are missing the rest is only gone on to if that is as good (`_is_as_good`).
    """
    if membership.joint:
        return leave_joint(membership) if membership.auto_leave else None
    wanted, ready = frozenset(target), frozenset(caught_up)
    missing = wanted - membership.voters
    listening = (membership.learners - wanted) | (missing - membership.learners)
    if listening:
        changes = [
            Change(ADD_LEARNER if member in wanted else REMOVE, member)
            for member in sorted(listening)
        ]
        return simple(membership, changes)
    joining = missing & ready & membership.learners
    leaving = membership.voters - wanted
    rest = (membership.voters - leaving) | joining
    if not _is_as_good(rest, membership.voters, wanted, joining):
        return None
    changes = [Change(ADD_VOTER, member) for member in sorted(joining)]
    changes += [Change(REMOVE, member) for member in sorted(leaving)]
    if not changes:
        return None
    return simple(membership, changes) if len(changes) == 1 else enter_joint(membership, changes)


def _is_as_good(
    rest: frozenset[Any], before: frozenset[Any], wanted: frozenset[Any], joining: frozenset[Any]
) -> bool:
    """Whether `rest`, the part of `wanted` that is there, bears whatever loss both others bear.

    Of such a loss `rest` meets no more than `wanted` bears, of which it is a part, and no more than
    `before` bears with all that are joining. And it is most of `wanted`: one of two that are wanted
    bears as little as the two, but would hold the only copy of what is decided.
    """
    most = min(losses_borne(len(wanted)), losses_borne(len(before)) + len(joining))
    return losses_borne(len(rest)) >= most and 2 * len(rest) > len(wanted)


def is_next(before: Membership, after: Membership) -> bool:
    """Whether one step leads from one configuration to the other, whoever made it up."""
    if before.joint:
        return after == leave_joint(before)
    apart = not (after.learners & (after.voters | after.outgoing))
    if not after.voters or not apart or after == before:
        return False
    if after.joint:
        return after.outgoing == before.voters and after.learners_next <= after.outgoing
    return len(before.voters ^ after.voters) <= 1 and not after.learners_next

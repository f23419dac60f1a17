"""Whether an engine's group goes on without some of its members, from the next height on.

Whoever is removed is heard no more as soon as the ledger says so. Engines that take who votes from
the ledger do not mind. Raft changes its configuration by entries after that height, and until then
needs most of the voters that it has, whatever the ledger says; only it knows who those are, since
a newcomer counts from when it has caught up. So whoever builds a block asks here first.
"""

from collections.abc import Collection

from meshkit.consensus import raft
from meshkit.core.value import Value


def may_lose(state: Value, gone: Collection[bytes]) -> bool:
    """Whether the rest can still decide, and change who votes, when nobody hears `gone`."""
    return not isinstance(state, raft.State) or _raft_may_lose(state, gone)


def _raft_may_lose(state: raft.State, gone: Collection[bytes]) -> bool:
    """Of a leader: those who were to go already are not heard, and newcomers may never come up.

    While a change is under way nobody goes. Before this height is decided the next change may
    begin: it can make voters of newcomers that go now, and they would be missed like the others.
    """
    configuration = state.configuration
    if state.log.configurations or configuration.outgoing:
        return False
    wanted, voting = state.wanted, configuration.voters
    staying = [who for who in voting if who in wanted]
    heard = [who for who in staying if who not in gone]
    joining = [who for who in gone if who not in voting]
    return 2 * len(heard) > max(len(voting), len(staying) + len(joining))

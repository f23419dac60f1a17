"""The ledger as a machine: it is founded once, and then applies what consensus decides.

It asks nothing of the world and has no timers. The node's policies read its events, and ask it
three things before a block is decided: may this item be applied (`check`), what would a block hold
(`build`), may this block be voted for (`check_block`).
"""

from collections.abc import Iterable, Sequence
from typing import Never, assert_never, get_args

from meshkit.core.machine import Heard, Moment, Restarted, Wake
from meshkit.core.value import Statement
from meshkit.ledger import blocks, checks
from meshkit.ledger.checks import Conflicts
from meshkit.ledger.forms import check_genesis
from meshkit.ledger.messages import Apply, Block, Command, Event, Found, Founded
from meshkit.ledger.state import State, evolve


class Ledger:
    """A machine over `State`. `conflicts` is a rule of the mesh: the same on every node."""

    TIMELESS = True  # never to be woken
    SILENT = frozenset(get_args(Event))

    def __init__(self, conflicts: Conflicts) -> None:
        self._conflicts = conflicts
        # The block last found good, and what follows from it: if it is decided, which is what
        # mostly happens, nothing is worked out twice. So with the item last looked at.
        self._good: tuple[State, Block, blocks.Unfolded] | None = None
        self._checked: tuple[State, Statement, str] | None = None

    def initial(self) -> State:
        return State()

    def decide(self, state: State, command: Command, moment: Moment) -> Sequence[Event]:
        return tuple(event for event, _ in self.unfold(state, command, moment))

    def unfold(
        self, state: State, command: Command, moment: Moment
    ) -> Sequence[tuple[Event, State]]:
        """What is decided, each event with the state after it: items are checked one by one."""
        match command:
            case Apply():
                if not state.mesh or command.height != state.height + 1:
                    return ()
                return self._applied(state, command.height, command.block)
            case Found(genesis):
                if state.mesh or check_genesis(genesis):
                    return ()
                founded = Founded(genesis)
                return ((founded, evolve(state, founded)),)
            case Wake() | Restarted() | Heard():
                return ()
            case _:
                assert_never(command)

    def _applied(self, state: State, height: int, block: Block) -> blocks.Unfolded:
        good = self._good
        if good is not None and good[0] is state and good[1] is block:
            return good[2]
        return blocks.unfold(state, height, block, self._conflicts)

    def evolve(self, state: State, event: Event) -> State:
        return evolve(state, event)

    def react(self, state: State, event: Event) -> Sequence[Never]:
        return ()

    def deadline(self, state: State) -> int | None:
        return None

    def check(self, state: State, item: Statement) -> str:
        """Why this item may not be applied next ("slug: words"), or ""."""
        last = self._checked
        if last is not None and last[1] is item and last[0] is state:
            return last[2]
        refusal = checks.check(state, item, self._conflicts)
        self._checked = (state, item, refusal)
        return refusal

    def build(
        self, state: State, proposer: bytes, link: bytes, candidates: Iterable[Statement]
    ) -> Block:
        """The next block, of those candidates that fit, in their order."""
        return blocks.build(state, proposer, link, candidates, self._conflicts)

    def check_block(self, state: State, block: Block) -> str:
        """Why this block must not be voted for ("slug: words"), or "". Proofs are not judged."""
        refusal, unfolded = blocks.check_block(state, block, self._conflicts)
        if not refusal:
            self._good = (state, block, unfolded)
        return refusal

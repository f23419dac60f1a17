"""What is searched exhaustively: for each engine, a few nodes in a few situations.

Four validators of whom one is a liar, for engines that bear one; it may say whatever it can sign
about two values, to anybody. From the very beginning a search of bearable depth hardly comes to a
decision; so others begin in the midst of trouble: where the honest were told different things, and
where one is locked and the others do not know.
"""

from collections.abc import Callable, Mapping, Sequence

from meshkit.consensus.engines import TENDERMINT, Timeouts
from meshkit.consensus.messages import NIL, Validator
from meshkit.consensus.rotation import proposer
from meshkit.consensus.tendermint.messages import PRECOMMIT, PREVOTE, Proposal, Vote
from meshkit.core.value import Value, digest
from meshkit.runtime.perform import urgency
from meshkit.sim.engines.more_cases import PBFT_CASES, RAFT_CASES
from meshkit.sim.search import SIGNED, Before, Case, Choice, everything

TIMEOUTS = Timeouts(1_000, 500, 500)
IDS = tuple(bytes([number]) * 32 for number in range(1, 5))
ONE, OTHER = Choice(8, 0), Choice(9, 0)  # the values that the liar proposes
NAMES = (digest(ONE), digest(OTHER))
EVERYBODY, LIAR = (0, 1, 2), 3
LATER = digest(Choice(0, 1))  # what the first of the honest proposes in the round after
WAKES = 2  # until a step is over: before that, a node repeats itself
OPEN = 0b111  # something waits at all honest nodes


def _order() -> tuple[bytes, ...]:
    """The validators, the honest in the order of their turns; the liar, whose turn it is first, is
    the last."""
    validators = tuple(Validator(id_, 1) for id_ in IDS)
    turns = [proposer(validators, 1, number) for number in range(4)]
    return (*turns[1:], turns[0])


def _tendermint(
    name: str,
    before: Sequence[Before] = (),
    wakes: int = 0,
    crashes: int = 0,
    rounds: int = 1,
    matters: Callable[[Value], bool] = everything,
) -> Case:
    order = _order()
    liar = order[-1]
    offers = [Proposal(1, 0, -1, digest(value), liar, value, SIGNED) for value in (ONE, OTHER)]
    votes = [
        Vote(kind, 1, number, value_id, liar, SIGNED)
        for number in range(rounds)
        for kind in (PREVOTE, PRECOMMIT)
        for value_id in (NAMES if number == 0 else (NAMES[0], LATER))
    ]
    return Case(
        name=f"tendermint: {name}",
        engine=TENDERMINT,
        urgency=urgency,
        timeouts=TIMEOUTS,
        ids=order,
        honest=3,
        repertoire=(*offers, *votes),
        wakes=wakes,
        crashes=crashes,
        openers=OPEN,
        before=before,
        matters=matters,
    )


def offered(first: int) -> Callable[[int, Value], bool]:
    """To the nodes whose bits are in `first` the one value is proposed, to the rest the other."""

    def hears(node: int, message: Value) -> bool:
        wanted = ONE if first >> node & 1 else OTHER
        return isinstance(message, Proposal) and message.value == wanted

    return hears


def votes(kind: int, number: int, *by: tuple[int, bytes]) -> Callable[[int, Value], bool]:
    """The votes of one kind and round that these cast for these."""
    order = _order()
    wanted = [Vote(kind, 1, number, value_id, order[who], SIGNED) for who, value_id in by]

    def hears(node: int, message: Value) -> bool:
        return message in wanted

    return hears


def is_later(message: Value) -> bool:
    """Whether it is of the round after."""
    return isinstance(message, Vote | Proposal) and message.round == 1


def nothing(node: int, message: Value) -> bool:
    return False


PROPOSED = (Before(EVERYBODY, offered(0b011)),)
PREVOTED = (
    *PROPOSED,
    Before(EVERYBODY, votes(PREVOTE, 0, (0, NAMES[0]), (1, NAMES[0]), (2, NAMES[1]))),
)
# One has decided, another is locked, the third knows of nothing: it timed out, and proposes anew.
DECIDED = (
    Before(EVERYBODY, offered(0b111)),
    Before((1, 2), votes(PREVOTE, 0, (0, NAMES[0]), (1, NAMES[0]), (2, NAMES[0]))),
    Before((0,), votes(PREVOTE, 0, (1, NAMES[0]), (LIAR, NAMES[1]))),
    Before((0,), votes(PRECOMMIT, 0, (1, NAMES[0]), (LIAR, NAMES[1])), wakes=WAKES),
    Before((1,), votes(PRECOMMIT, 0, (2, NAMES[0]), (LIAR, NAMES[0]))),
    Before((2,), votes(PRECOMMIT, 0, (0, NIL), (LIAR, NAMES[1]))),
    Before((0, 2), nothing, wakes=WAKES),
)

CASES: Mapping[str, Sequence[Case]] = {
    "tendermint": (
        _tendermint("from the beginning"),
        _tendermint("from the beginning, with a crash and a timeout", wakes=1, crashes=1),
        _tendermint("two values proposed", PROPOSED, wakes=1),
        _tendermint("two values proposed and prevoted", PREVOTED, wakes=1),
        _tendermint("two values proposed and prevoted, with a crash", PREVOTED, crashes=1),
        _tendermint(
            "one has decided, the others are a round later", DECIDED, rounds=2, matters=is_later
        ),
    ),
    "pbft": PBFT_CASES,
    "raft": RAFT_CASES,
}

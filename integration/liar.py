"""A node that lies: a whole node, as `meshkit-node` runs it, behind a lying tongue.

    python integration/liar.py --home DIR LIE...

Whatever the node decides to say passes the tongue, once for each hearer; its own state hears the
truth, so it goes on knowing all that a node knows. The tongues are the simulator's own (see
`meshkit.sim.liars`), so what is shown there in virtual time is shown here with real processes; the
few below need real sockets. A lie that is told to some only is told to the first member.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from meshkit_services import node
from msgspec.structs import replace

from meshkit.consensus.messages import Committed
from meshkit.consensus.tendermint.messages import Known, Proposal, Vote
from meshkit.core.composite import At
from meshkit.core.machine import Heard
from meshkit.core.shell import Caused
from meshkit.core.value import Statement, Value
from meshkit.ledger.messages import Member
from meshkit.node import address
from meshkit.rounds.messages import Held, Update
from meshkit.runtime.perform import Performer
from meshkit.sim.dice import Dice
from meshkit.sim.liars import LIES, Chorus, Flood, Tongue

if TYPE_CHECKING:
    from meshkit.sim.process import Process

S = TypeVar("S", bound=Statement)

TORRENT = 50  # messages in form, after each tick: each costs the liar a tenth of a millisecond
SPATE = 500  # messages of random bytes, likewise: several times what a member may say
NOISE_BYTES_MAX = 4_096


class Liar(Performer):
    """Does the effects of a node, and lies. To its tongue it is the process."""

    def __init__(self, tongue: Tongue, shell: Any, mesh: Any, voice: Any, *rest: Any) -> None:
        super().__init__(shell, mesh, voice, *rest)
        self.shell, self.carrier, self.store = shell, mesh, rest[0]
        self.person, self.entry = self, 0
        self.dice = Dice("liar", os.getpid())
        self.tongue = tongue
        tongue.bind(cast("Process", self))
        peer_of: Callable[[bytes], bytes | None] = mesh.blobs.peer_of

        def served(key: bytes) -> bytes | None:
            peer = peer_of(key)
            return peer if peer is not None and tongue.gives(peer, b"") else None

        mesh.blobs.peer_of = served

    @property
    def me(self) -> bytes:
        return self._voice.me

    def members(self) -> list[bytes]:
        return sorted(self.shell.state["ledger"].members)

    def sign(self, statement: S) -> S:
        return cast(S, self._voice.say(statement, self.entry, 0)[0])

    def card(self, roles: tuple[str, ...], weight: int) -> Member:
        """How others reach us: what a liar would join with a second time."""
        member: Member = self.shell.state["ledger"].members[self.me].member
        return replace(member, roles=roles, weight=weight)

    def perform(self, effects: Iterable[Caused]) -> None:
        super().perform(effects)
        if self.entry:
            for to, message in self.tongue.stir():
                self._mesh.send(to, self._voice.say(message, self.entry, 0)[1])

    def _broadcast(self, caused: Caused, message: Value) -> None:
        self.entry = caused.entry  # durable: whatever else we say may name it as its cause
        signed, envelope = self._voice.say(message, caused.entry, caused.number)
        said = {to: tuple(self.tongue.say(to, signed)) for to in self.tongue.others()}
        if all(words == (signed,) for words in said.values()):
            self._mesh.publish(envelope)
        else:
            for to, words in said.items():
                self._tell(caused, to, words)
        if isinstance(signed, Statement) and signed is not message:
            self._shell.take(At(address(signed), Heard(self.me, signed)), envelope)

    def _send(self, caused: Caused, to: bytes, message: Value) -> None:
        signed, _ = self._voice.say(message, caused.entry, caused.number)
        self._tell(caused, to, self.tongue.say(to, signed))

    def _tell(self, caused: Caused, to: bytes, words: Iterable[Value]) -> None:
        for word in words:
            self._mesh.send(to, self._voice.say(word, caused.entry, caused.number)[1])


def liar_of(tongue: Tongue) -> Liar:
    """The process of a tongue, as what it is here."""
    return cast(Liar, tongue.process)


# -- lies that only real sockets show --------------------------------------------------------------


class Spoilt(Tongue):
    """Submits blobs of the right size that hold random bytes."""

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        if not isinstance(message, Update) or message.submitter != self.me:
            return (message,)
        noise = self.made_up("noise", message.round) * (message.size // 32 + 1)
        blob = liar_of(self).store.put(noise[: message.size])
        return (self.signed(replace(message, blob=blob)),)


class Mute(Tongue):
    """Never says anything of some kinds."""

    kinds: tuple[type[Value], ...] = ()

    def say(self, to: bytes, message: Value) -> Iterable[Value]:
        return () if isinstance(message, self.kinds) else (message,)


class NoUpdates(Mute):
    """Trains, and keeps it for itself; its lists would name its update."""

    kinds = (Update, Held)


class NoVotes(Mute):
    """Trains, and has no part in any decision: nor in the bundles that repeat what it said."""

    kinds = (Vote, Proposal, Held, Known, Committed)


class Torrent(Flood):
    """Floods the others with messages in form, as fast as it can sign them."""

    def stir(self) -> Iterator[tuple[bytes, Value]]:
        for to in self.others():
            for _ in range(TORRENT):
                yield to, self.anything()


class Spate(Tongue):
    """Floods the others with bytes that mean nothing."""

    def stir(self) -> Iterable[tuple[bytes, Value]]:
        carrier = liar_of(self).carrier
        for to in self.others():
            for _ in range(SPATE):
                carrier.send(to, os.urandom(self.process.dice.below(NOISE_BYTES_MAX)))
        carrier.publish(os.urandom(self.process.dice.below(NOISE_BYTES_MAX)))
        return ()


OWN: dict[str, type[Tongue]] = {
    "spoilt": Spoilt,
    "no-updates": NoUpdates,
    "no-votes": NoVotes,
    "torrent": Torrent,
    "spate": Spate,
}


def tongue_of(names: Sequence[str]) -> Tongue:
    """A tongue that lies in each of these ways, and that favours the first of the others."""
    kinds = [{**LIES, **OWN}[name] for name in names]
    return Chorus(*(type(kind.__name__, (ToTheFirst, kind), {})() for kind in kinds))


class ToTheFirst(Tongue):
    """Whom a digest favours may be all or none of three: the first of them is always one."""

    def favours(self, to: bytes) -> bool:
        return to == self.others()[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("lies", nargs="+", choices=sorted({**LIES, **OWN}))
    asked = parser.parse_args()
    performer = partial(Liar, tongue_of(asked.lies))
    sys.exit(node.run(asked.home, make_performer=performer))


if __name__ == "__main__":
    main()

"""Effects, done: what a node asks of the world, and how the world's answer comes back as a command.

Nothing here decides anything. An effect that cannot be done is dropped or answered with its
problem; the machine that asked asks again when it still matters.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from meshkit.consensus.engines import engine_of, never_leads
from meshkit.consensus.messages import Serve
from meshkit.consensus.raft.messages import Append, Early, Keep, Notice, Prompt
from meshkit.core.composite import At
from meshkit.core.machine import Broadcast, Heard, Send
from meshkit.core.shell import AHEAD, FREE, LATER, NOW, Caused, Shell
from meshkit.core.value import Statement, Value
from meshkit.journal import BlobPort
from meshkit.learning.grid import Refused, decode_model, decode_update
from meshkit.node import address
from meshkit.pool.messages import DrawLink, LinkDrawn, Offered
from meshkit.rounds.messages import (
    MALFORMED,
    MISSING,
    PROBLEMS,
    UPDATE,
    Aggregate,
    Fetch,
    Fetched,
    Train,
)
from meshkit.runtime.blocks import BlockStore
from meshkit.runtime.labour import Labour
from meshkit.runtime.voice import Voice
from meshkit.wire.port import Fetched as Arrived
from meshkit.wire.port import WireError

SERVE_BLOCKS_MAX = 64  # blocks sent for one question; whoever is further behind asks again


def urgency(effect: object) -> int:
    """What is said to all is what others wait for; what is said to one is for who is behind.

    Unless its engine says otherwise: what Raft sends has the urgency in its name.
    """
    return _URGENCY.get(type(effect), FREE)


_URGENCY: dict[type, int] = {
    Broadcast: NOW,
    Send: LATER,
    Serve: LATER,
    Early: AHEAD,
    Prompt: NOW,
    Notice: FREE,
    Keep: NOW,
}
_AHEAD = frozenset({Early, Notice})  # what may leave before its entry is durable


class Carrier(Protocol):
    """The part of a mesh that effects need: `meshkit.wire.port.Mesh` is one."""

    def publish(self, body: bytes) -> int: ...

    def send(self, to: bytes, body: bytes) -> bool: ...

    def fetch(self, digest: bytes, size: int, sources: Sequence[bytes]) -> None: ...


class Performer:
    """Does the effects of one node."""

    def __init__(
        self,
        shell: Shell,
        mesh: Carrier,
        voice: Voice,
        blobs: BlobPort,
        blocks: BlockStore,
        labour: Labour,
        draw_link: Callable[[int], bytes],
    ) -> None:
        self._shell = shell
        self._mesh = mesh
        self._voice = voice
        self._blobs = blobs
        self._blocks = blocks
        self._labour = labour
        self._draw_link = draw_link
        self._awaited: dict[bytes, list[Fetch]] = {}
        agreeing = shell.state["consensus"]
        self._leading = engine_of(agreeing).leads
        if self._leading is not never_leads:
            shell.ahead, shell.urgency = self.perform, self.urgency
        self._ahead: tuple[Value | None, bytes] = (None, b"")  # the last that left so
        self._notices: list[Caused] = []
        self._told: dict[bytes, int] = {}  # of which commit each member was told last
        self.counts: Counter[str] = Counter()

    def urgency(self, effect: object) -> int:
        """The same for a node that may lead: what it need not say hurries nobody."""
        if type(effect) is Broadcast and type(effect.message) is Offered and self._leads():
            return FREE
        return urgency(effect)

    def perform(self, effects: Iterable[Caused]) -> None:
        for caused in effects:
            if type(caused.effect.body) is Notice:
                self._notices.append(caused)
            else:
                self._do(caused)

    def tell(self) -> None:
        """What was put off until whoever waits here has his answer: to tell others of commits.

        Whom entries were sent in the meantime has been told with them.
        """
        notices, self._notices = self._notices, []
        for caused in notices:
            to, message = caused.effect.body.to, caused.effect.body.message
            if type(message) is not Append or self._told.get(to, -1) < message.commit:
                self._do(caused)

    def _do(self, caused: Caused) -> None:
        self.counts[type(caused.effect.body).__name__] += 1
        try:
            self._perform(caused)
        except WireError:  # what is too large to be sent is as good as lost, and as harmless
            self.counts["too-large"] += 1

    def _perform(self, caused: Caused) -> None:
        effect = caused.effect.body
        match effect:
            case Broadcast(message):
                self._broadcast(caused, message)
            case Send(to, message):
                self._send(caused, to, message)
            case Keep():
                pass  # it is durable by now, which is all that is asked
            case Serve(to, height):
                for block in self._blocks.since(height, SERVE_BLOCKS_MAX):
                    self._send(caused, to, block)
            case DrawLink(position):
                link = self._draw_link(position)
                self._shell.take(At("pool", LinkDrawn(position, link)))
            case Train() | Aggregate():
                self._labour.ask(effect)
            case Fetch():
                self._fetch(effect)
            case _:
                raise AssertionError(f"nobody performs {effect!r:.200}")

    # -- speaking ---------------------------------------------------------------------------------

    def _broadcast(self, caused: Caused, message: Value) -> None:
        if type(message) is Offered and (self._leads() or caused.entry > self._voice.durable):
            return  # the others hear of it in our next value; if not, the pool says it again
        signed, envelope = self._voice.say(message, caused.entry, caused.number)
        self._mesh.publish(envelope)
        if isinstance(signed, Statement) and signed is not message:
            # Our own statement enters our own state by the same door as everybody's: signed.
            name = address(signed)
            self._shell.take(At(name, Heard(self._voice.me, signed)), envelope)

    def _leads(self) -> bool:
        return self._leading(self._shell.state["consensus"])

    def _send(self, caused: Caused, to: bytes, message: Value) -> None:
        if type(caused.effect.body) in _AHEAD:
            if type(message) is Append:
                self._told[to] = message.commit
            if message is not self._ahead[0]:  # what goes to several members is sealed once
                self._ahead = (message, self._voice.ahead(message))
            envelope = self._ahead[1]
        else:
            _, envelope = self._voice.say(message, caused.entry, caused.number)
        if not self._mesh.send(to, envelope):
            self.counts["unreachable"] += 1

    def flit(self, effects: Iterable[Send]) -> None:
        """Say what the volatile half says: nothing of it is caused by an entry."""
        for effect in effects:
            self.counts[type(effect.message).__name__] += 1
            if not self._mesh.send(effect.to, self._voice.fleeting(effect.message)):
                self.counts["unreachable"] += 1

    # -- blobs ------------------------------------------------------------------------------------

    def _fetch(self, effect: Fetch) -> None:
        if self._blobs.has(effect.digest):
            self._answer(effect, self._blobs.get(effect.digest))
            return
        waiting = self._awaited.setdefault(effect.digest, [])
        if effect not in waiting:
            waiting.append(effect)
        sources = [source for source in effect.sources if source != self._voice.me]
        self._mesh.fetch(effect.digest, effect.size, sources)

    def arrived(self, arrivals: Iterable[Arrived]) -> None:
        """What the mesh has fetched, or could not."""
        for arrival in arrivals:
            waiting = self._awaited.pop(arrival.digest, [])
            if arrival.data is None:  # in this size; in another it may still be under way
                others = [effect for effect in waiting if effect.size != arrival.size]
                waiting = [effect for effect in waiting if effect.size == arrival.size]
                if others:
                    self._awaited[arrival.digest] = others
            for effect in waiting:
                self._answer(effect, arrival.data)

    def _answer(self, effect: Fetch, data: bytes | None) -> None:
        """Keep a blob that has the form it should have, and say so; or say what is wrong."""
        problem = MISSING if data is None else _problem(effect, data)
        if data is not None and not problem:
            self._blobs.put(data)
        answer = Fetched(effect.task, effect.form, effect.digest, effect.size, problem)
        self._shell.take(At("rounds", answer))


def _problem(effect: Fetch, data: bytes) -> str:
    """What is wrong with a blob, in the rounds' words, or ""."""
    try:
        if effect.form == UPDATE:
            decode_update(data, effect.spec.size, effect.spec.bits)
        else:
            decode_model(data, effect.spec.size)
    except Refused as refused:
        return refused.reason if refused.reason in PROBLEMS else MALFORMED
    return ""

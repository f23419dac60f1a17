"""The door for those who are not members yet: tickets in, the genesis and a word on progress out.

A newcomer holds a ticket, which names the mesh, and knows one member's join endpoint and key. It
asks for the genesis (whose digest must be the mesh it was promised), brings its ticket with its own
card, signed, and asks until the ledger has admitted it. From then on it is a member like any other
and catches up over the mesh itself. Everything a guest brings is an item like any other: checked,
pooled, and decided by the validators; nothing is taken on trust.
"""

from typing import Any

import msgspec
import zmq

from meshkit.codec import decode_body, encode
from meshkit.core.composite import At
from meshkit.core.shell import Shell
from meshkit.ledger.messages import Genesis, Join
from meshkit.ledger.state import seats
from meshkit.node import mesh_ledger
from meshkit.pool.messages import Offer
from meshkit.wire.envelope import Refused, verify_statements
from meshkit.wire.zeromq import ZeroMesh

CONTACTS_MAX = 16  # members named to a newcomer: more than a third of the usual mesh (a guess)

Answer = dict[str, Any]


class Guests:
    """Answers visits to the join endpoint."""

    def __init__(self, me: bytes, genesis: Genesis, shell: Shell, mesh: ZeroMesh) -> None:
        self._genesis = genesis
        self._shell = shell
        self._mesh = mesh
        self._ledger = mesh_ledger()

    def watch(self, poller: zmq.Poller) -> None:
        """Nothing to do: the mesh watches its own sockets."""

    def serve(self) -> None:
        for visit in self._mesh.visits():
            self._mesh.answer(visit.guest, msgspec.msgpack.encode(self._answer(visit.body)))

    def _answer(self, request: bytes) -> Answer:
        try:
            # scan: unbounded-decode: the join endpoint takes frames of a bounded size only
            asked = msgspec.msgpack.decode(request, type=dict[str, Any])
            match asked.get("do"):
                case "genesis":
                    return {
                        "ok": True,
                        "genesis": encode(self._genesis),
                        "contacts": self._contacts(),
                    }
                case "join":
                    return self._join(asked["join"])
                case "admitted":
                    admitted = asked["id"] in self._shell.state["ledger"].members
                    return {"ok": True, "admitted": admitted}
                case _:
                    return {"ok": False, "reason": "unknown: no such request"}
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            return {"ok": False, "reason": f"malformed: {error}"}

    def _contacts(self) -> list[bytes]:
        members = [seat.member for _, seat in seats(self._shell.state["ledger"])]
        return [encode(member) for member in members[:CONTACTS_MAX]]

    def _join(self, data: bytes) -> Answer:
        item = decode_body(data)
        if not isinstance(item, Join):
            return {"ok": False, "reason": "unknown-kind: a ticket with a card is wanted"}
        book = self._shell.state["ledger"]
        try:
            verify_statements(item, book.mesh)
        except Refused as refused:
            return {"ok": False, "reason": str(refused)}
        refusal = self._ledger.check(book, item)
        if refusal:
            return {"ok": False, "reason": refusal}
        self._shell.take(At("pool", Offer(item)))
        return {"ok": True}

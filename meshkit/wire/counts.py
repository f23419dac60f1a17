"""What the wire counts, by name: one line for each thing that a peer or the network can do to us.

Nothing of it raises and nothing of it is logged; a metrics page or `node status` reads it. Names
are `place.reason`. The table is the documentation, and a test holds every counted name to it.
"""

COUNTS = {
    # the doors: who knocks at our sockets
    "door.admitted": "handshakes that ended with a key let in",
    "door.stranger": "handshakes refused: no member has that key",
    "door.crowding": "handshakes refused: too many by that key, or at the join endpoint in all",
    "door.banned": "handshakes refused: that key misbehaved a moment ago",
    "door.malformed": "handshakes refused: not CURVE, or not in form",
    "door.failed": "connections that never finished a handshake: garbage, half-open, wrong key",
    "door.silent": "connections that ended without a message: garbage, scans, or a quiet member",
    "door.full": "connections that the system could not accept: no file descriptor left",
    "door.recycled": "times a listening socket was closed and bound anew to cut somebody off",
    # the guard: connections that we cut
    "cut.crowd": "the oldest silent connection of a socket that had too many",
    "cut.unread": "connections that sent more than we could have read, or never end a message",
    "cut.spent": "connections of guests that sent all that a guest may",
    "cut.form": "connections that broke the form of messages",
    # events: what is said to everyone
    "events.sent": "messages published",
    "events.bytes": "bytes of messages published, once for each peer",
    "events.heard": "messages delivered, repaired ones included",
    "events.repeated": "messages that had been delivered before",
    "events.malformed": "messages not in form",
    "events.flood": "messages beyond their publisher's allowance, dropped",
    "events.missing": "numbers noticed as missing",
    "events.repaired": "numbers that were missing and came when asked for",
    "events.lost": "numbers given up: their publisher no longer has them or does not answer",
    "events.topics": "subscriptions to anything but everything",
    "events.subscriptions": "subscriptions beyond a member's allowance; it is cut and banned",
    # direct: what is said to one
    "direct.sent": "messages handed to a connection",
    "direct.bytes": "bytes of messages handed to a connection",
    "direct.heard": "messages delivered",
    "direct.unreachable": "messages dropped: no connection, or its queue is full",
    "direct.unknown": "messages dropped: addressed to nobody we know",
    "direct.malformed": "messages not in form",
    "direct.stranger": "messages by a key that is no member's any more",
    "direct.flood": "messages beyond their sender's allowance, dropped",
    "direct.repairs": "published messages sent again on request",
    "direct.refused": "published messages not sent again: the asker's allowance is spent",
    # blobs
    "blobs.served": "chunks sent",
    "blobs.bytes": "bytes of chunks sent",
    "blobs.absent": "requests for blobs that we do not have",
    "blobs.fetched": "blobs that arrived and matched their digest",
    "blobs.failed": "blobs that no source gave",
    "blobs.bad": "blobs that did not match their digest or size",
    "blobs.timeout": "sources given up for being slow or silent",
    "blobs.unasked": "chunks nobody was waiting for",
    "blobs.malformed": "blob messages not in form",
    "blobs.stranger": "blob requests by a key that is no member's any more",
    "blobs.dropped": "chunks not sent: the asker's queue is full or it is gone",
    # join
    "join.heard": "messages taken from guests",
    "join.malformed": "messages not in form",
    "join.flood": "messages beyond a guest's allowance, or that of all guests, dropped",
    "join.full": "messages dropped: too many are waiting for an answer already",
    "join.unanswered": "answers dropped: the guest is gone or does not read",
    # peers
    "peer.address": "members whose addresses are none, or another member's",
    # operators
    "operators.heard": "requests taken",
    "operators.malformed": "requests not in form",
    "operators.unanswered": "answers dropped: the client is gone or does not read",
}

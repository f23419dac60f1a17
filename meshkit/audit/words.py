"""How findings and stories put things: nodes by name, digests by their beginning."""

import re
from collections.abc import Iterable, Mapping

NAMED = re.compile(r"\{([0-9a-f]{64})\}")  # a node in a text, until its name is known
SHORT_CHARS = 16  # of a digest: 64 bits tell what is in one mesh apart
LINE_CHARS_MAX = 200  # of an error in a finding (a guess)


def ref(node: bytes) -> str:
    """A node in a text: `named` puts its name there."""
    return f"{{{node.hex()}}}"


def refs(nodes: Iterable[bytes]) -> str:
    """Several nodes in a text."""
    return ", ".join(ref(node) for node in nodes) or "nobody"


def named(text: str, names: Mapping[bytes, str]) -> str:
    """`text` with the names of the nodes in it."""
    return NAMED.sub(lambda found: name_of(bytes.fromhex(found[1]), names), text)


def name_of(node: bytes, names: Mapping[bytes, str]) -> str:
    """The member's name, or the beginning of its id."""
    return names.get(node) or short(node)


def short(digest: bytes) -> str:
    """Enough of a digest to tell it from others."""
    return digest.hex()[:SHORT_CHARS]


def a(value: object) -> str:
    """A value's class, or a class' name, with its article."""
    kind = value if isinstance(value, str) else type(value).__name__
    return f"an {kind}" if kind[:1] in "AEIOU" else f"a {kind}"


def one_line(error: Exception) -> str:
    """An error of ours, as part of a line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:LINE_CHARS_MAX]


def count(number: int, what: str) -> str:
    """So many of something."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

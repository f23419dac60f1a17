"""Chance that nobody can choose: the seed of every height, and the hash chains it feeds on.

    seed(0) = digest(genesis)
    seed(h) = BLAKE3(seed(h-1) ‖ link), link being the next link of the proposer of block h

A member's hash chain is made backwards from a secret: each value is the BLAKE3 of the one before,
and the last one, the *anchor*, is published at admission (Lamport, "Password authentication with
insecure communication", 1981). Link k is the value k steps before the anchor, so whoever holds
link k-1 can check link k and nobody can foretell it. When a proposer is drawn its link has long
been fixed: it can neither grind it nor pick among several. It can only stay silent, and then a
later round of the height has another proposer with another link: one bit of bias for the price of
one missed proposal. Signatures and contents of blocks are no part of the seed, for they can be
ground.

A chain has LINKS links. The anchor of the next one is put before the ledger while many links of
the present one are still unspent (ANCHOR_MARGIN), so that it too is fixed before the seeds that its
links will be mixed with. Positions count through all chains of a member: the anchor of chain c is
at c·(LINKS+1), its link k at c·(LINKS+1) + k. The secret and the unspent links are the shell's
business, and no machine ever holds them; `chain` is here for the shell, so that there is one rule.
"""

from blake3 import blake3

LINKS = 2**16  # 25 ms to make, 5 MB to hold (measured); two hours at ten own blocks a second
ANCHOR_MARGIN = 64  # own links that must be unspent when the next anchor is fixed (a guess)
LINK_BYTES = 32


def next_seed(seed: bytes, link: bytes) -> bytes:
    """The seed of a height, from the one before and the link in its block."""
    return blake3(seed + link).digest()


def follows(link: bytes, revealed: bytes) -> bool:
    """Is `link` the one that comes after `revealed` (or after the anchor)?"""
    return len(link) == LINK_BYTES and blake3(link).digest() == revealed


def position(chain_number: int, spent: int) -> int:
    """Where the next link stands when `spent` links of this chain are in the ledger."""
    return chain_number * (LINKS + 1) + spent + 1


def anchor_position(chain_number: int) -> int:
    return chain_number * (LINKS + 1)


def chain_of(at: int) -> int:
    """The number of the chain to which position `at` belongs."""
    return at // (LINKS + 1)


def chain(secret: bytes, chain_number: int) -> tuple[bytes, ...]:
    """A whole chain: first its anchor, then its LINKS links in the order they are revealed.

    The value at position p of a member is `chain(secret, chain_of(p))[p % (LINKS + 1)]`.
    """
    value = blake3(b"meshkit/chain/1" + chain_number.to_bytes(8, "big") + secret).digest()
    values = [value]
    for _ in range(LINKS):
        value = blake3(value).digest()
        values.append(value)
    return tuple(reversed(values))

"""Drawing by lot with weights: rendezvous hashing that every machine computes alike.

Each candidate gets a number u, uniform in (0, 1), by hashing the seed, what is drawn for, and its
id; the candidate with the least -log2(u)/weight is first, and so on. Such numbers are exponentially
distributed with the weight as their rate, so the first is any candidate with probability
weight/total, the second likewise among the rest, and so on (Efraimidis and Spirakis 2006; as
rendezvous hashing, Schindelhauer and Schomaker 2005). Since each number depends on one candidate
alone, adding or removing a candidate moves nobody else past another.

The logarithm is computed in integers, for libm differs between machines. `log2_fixed` follows
Briggs (1624), in the form told of Feynman: a number in [1, 2) is taken apart into factors 1 + 2^-k,
each used at most once, and their logarithms, from a table, are added up. Multiplying by such a
factor is a shift and an addition.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from meshkit.core.value import digest

FRACTION_BITS = 64  # of `log2_fixed`
GUARD_BITS = 8  # the 64 truncations of the product stay below one unit of 2^-FRACTION_BITS each
_WORK_BITS = FRACTION_BITS + GUARD_BITS
UNIFORM_BITS = 64  # of the hash that make u = (2x + 1) / 2^65: never 0, never 1
DRAWS_KEPT = 64  # the ledger's bound of open rounds, whose committees are asked for again and again
WEIGHT_BITS_MAX = 20
_SCALE_BITS = 2 * WEIGHT_BITS_MAX  # keeps apart quotients by any two weights


def _briggs_table() -> tuple[int, ...]:
    """log2(1 + 2^-k) for k = 1 … _WORK_BITS in units of 2^-_WORK_BITS, cut off below.

    ln(1 + x) = 2·artanh(x / (2 + x)), with x / (2 + x) = 1 / (2^(k+1) + 1), and ln 2 likewise as
    2·artanh(1/3): sums of quotients of integers, with 16 more bits than are kept.
    """
    unit = 1 << (_WORK_BITS + 16)

    def artanh_of_inverse(n: int) -> int:
        total, power, odd = 0, unit // n, 1
        while power:
            total += power // odd
            power //= n * n
            odd += 2
        return total

    ln2 = artanh_of_inverse(3)
    return tuple(
        (artanh_of_inverse(2 ** (k + 1) + 1) << _WORK_BITS) // ln2 for k in range(1, _WORK_BITS + 1)
    )


_TABLE = _briggs_table()


def log2_fixed(n: int) -> int:
    """log2(n) in units of 2^-64, for n >= 1; the error is below 2^-62 (tested), never random."""
    assert n >= 1
    exponent = n.bit_length() - 1
    wanted = n << _WORK_BITS >> exponent
    product, log = 1 << _WORK_BITS, exponent << _WORK_BITS
    for k, log_of_factor in enumerate(_TABLE, 1):
        more = product + (product >> k)
        if more <= wanted:
            product = more
            log += log_of_factor
    return log >> GUARD_BITS


def lot(seed: bytes, salt: bytes, candidate: bytes, weight: int) -> int:
    """A candidate's number in one draw: the least is first."""
    assert 0 < weight < 1 << WEIGHT_BITS_MAX
    x = int.from_bytes(digest((seed, salt, candidate))[: UNIFORM_BITS // 8], "big")
    minus_log_u = ((UNIFORM_BITS + 1) << FRACTION_BITS) - log2_fixed(2 * x + 1)
    return (minus_log_u << _SCALE_BITS) // weight


def rank(candidates: Iterable[tuple[bytes, int]], seed: bytes, salt: bytes) -> tuple[bytes, ...]:
    """The ids of all candidates (id, weight), best first, in the draw of `seed` for `salt`."""
    return _rank(tuple(candidates), seed, salt)


@lru_cache(maxsize=DRAWS_KEPT)
def _rank(candidates: tuple[tuple[bytes, int], ...], seed: bytes, salt: bytes) -> tuple[bytes, ...]:
    drawn: Sequence[tuple[int, bytes]] = sorted(
        (lot(seed, salt, candidate, weight), candidate) for candidate, weight in candidates
    )
    return tuple(candidate for _, candidate in drawn)

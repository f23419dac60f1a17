"""Seeds and hash chains: what is revealed follows from what was fixed, and never foretells."""

from itertools import pairwise

from blake3 import blake3

from meshkit.ledger import beacon
from meshkit.ledger.beacon import LINKS

SECRET = b"a secret of the shell"


def test_each_link_follows_the_one_before_and_the_first_follows_the_anchor() -> None:
    chain = beacon.chain(SECRET, 0)
    assert len(chain) == LINKS + 1
    for revealed, link in pairwise(chain[:100]):
        assert beacon.follows(link, revealed)
        assert not beacon.follows(revealed, link)
    assert beacon.follows(chain[-1], chain[-2])


def test_what_is_no_link_follows_nothing() -> None:
    assert not beacon.follows(b"short", blake3(b"short").digest())
    assert not beacon.follows(bytes(32), bytes(32))


def test_chains_of_one_secret_have_nothing_in_common() -> None:
    assert not set(beacon.chain(SECRET, 0)) & set(beacon.chain(SECRET, 1))


def test_positions_count_through_all_chains() -> None:
    assert beacon.position(0, 0) == 1
    assert beacon.position(0, LINKS - 1) == LINKS
    assert beacon.anchor_position(1) == LINKS + 1
    assert beacon.position(1, 0) == LINKS + 2
    assert [beacon.chain_of(at) for at in (0, 1, LINKS, LINKS + 1, LINKS + 2)] == [0, 0, 0, 1, 1]


def test_a_seed_is_the_hash_of_the_one_before_and_the_link() -> None:
    seed, link = bytes(32), bytes(range(32))
    assert beacon.next_seed(seed, link) == blake3(seed + link).digest()

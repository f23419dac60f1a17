"""Decided blocks are found by height, in the journal alone."""

import pytest

from meshkit.core.value import digest
from meshkit.journal import Mark
from meshkit.journal.chain import BLOCKS
from meshkit.ledger.messages import Block
from meshkit.node import address
from meshkit.runtime.blocks import BlockStore
from tests.runtime.world import World

HEIGHT = 4


@pytest.fixture(scope="module")
def blocks() -> BlockStore:
    with World() as world:
        world.submit()  # decided first; then our next anchor, and the results of two rounds
        assert world.shell.state["ledger"].height == HEIGHT
        return world.blocks


def test_each_height_has_its_block_and_the_proof_of_it(blocks: BlockStore) -> None:
    for height in range(1, HEIGHT + 1):
        found = blocks.at(height)
        assert found is not None
        assert isinstance(found.value, Block)
        assert found.value.height == found.certificate.height == height
        assert found.certificate.value_id == digest(found.value)


def test_what_is_not_decided_is_not_found(blocks: BlockStore) -> None:
    assert blocks.at(0) is None
    assert blocks.at(HEIGHT + 1) is None


def test_blocks_come_in_order_and_no_more_than_asked_for(blocks: BlockStore) -> None:
    def heights(first: int, count_max: int) -> list[int]:
        return [block.certificate.height for block in blocks.since(first, count_max)]

    assert heights(1, 64) == [1, 2, 3, 4]
    assert heights(2, 1) == [2]
    assert heights(5, 64) == []


def test_a_mark_that_points_at_something_else_finds_nothing() -> None:
    with World() as world:
        # The first entry founded the mesh: it decided nothing.
        world.journal.append([], [Mark(BLOCKS, 7, (1).to_bytes(8, "big"))])
        world.submit()
        entry = world.journal.mark(BLOCKS, 1)
        assert entry is not None
        world.journal.append([], [Mark(BLOCKS, 8, entry)])
        store = BlockStore(world.journal, address)
        assert store.at(1) is not None
        assert store.at(7) is None
        assert store.at(8) is None

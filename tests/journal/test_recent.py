"""What was used lately is at hand, within a bound."""

from hypothesis import given
from hypothesis import strategies as st

from meshkit.journal.recent import Recent


def test_the_least_recently_used_goes_first() -> None:
    recent = Recent(10)
    recent.put(b"a", b"1234")
    recent.put(b"b", b"1234")
    assert recent.get(b"a") == b"1234"
    recent.put(b"c", b"1234")
    assert recent.get(b"b") is None
    assert recent.get(b"a") == recent.get(b"c") == b"1234"
    recent.drop(b"a")
    recent.drop(b"a")
    assert recent.get(b"a") is None
    assert recent.size_bytes == 4


def test_what_is_larger_than_all_of_it_is_not_kept() -> None:
    recent = Recent(10)
    recent.put(b"a", b"1234")
    recent.put(b"b", bytes(11))
    assert recent.get(b"a") == b"1234"
    assert recent.get(b"b") is None


@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.binary(max_size=8))))
def test_it_never_holds_more_than_it_may(puts: list[tuple[bytes, bytes]]) -> None:
    recent = Recent(12)
    for key, blob in puts:
        recent.put(key, blob)
        assert recent.get(key) == blob
        held = [recent.get(k) for k in (b"a", b"b", b"c")]
        assert recent.size_bytes == sum(len(b) for b in held if b is not None) <= 12

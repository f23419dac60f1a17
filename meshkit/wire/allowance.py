"""A token bucket: how much of something is allowed at once, and how fast that comes back.

(Turner 1986, "New directions in communications".) It only compares times it is given.
"""

from collections import OrderedDict

from meshkit.wire.limits import S


class Allowance:
    """`burst` at once and `per_s` more each second."""

    __slots__ = ("burst", "level", "per_ns", "then_ns")

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_ns, self.burst = per_s / S, float(burst)
        self.level, self.then_ns = self.burst, 0

    def take(self, amount: float, now_ns: int) -> bool:
        """Whether `amount` is still allowed; if so it is spent."""
        grown = self.level + (now_ns - self.then_ns) * self.per_ns
        self.level, self.then_ns = min(self.burst, grown), now_ns
        if self.level < amount:
            return False
        self.level -= amount
        return True


class Allowances:
    """One allowance for each key, of the `keys_max` keys that came last.

    A stranger who invents keys pushes others out and gives them a full bucket again: what all of
    them do together needs an allowance of its own.
    """

    def __init__(self, per_s: float, burst: float, keys_max: int = 1_024) -> None:
        self.per_s, self.burst, self.keys_max = per_s, burst, keys_max
        self.buckets: OrderedDict[bytes, Allowance] = OrderedDict()

    def take(self, key: bytes, amount: float, now_ns: int) -> bool:
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Allowance(self.per_s, self.burst)
            if len(self.buckets) > self.keys_max:
                self.buckets.popitem(last=False)
        self.buckets.move_to_end(key)
        return bucket.take(amount, now_ns)

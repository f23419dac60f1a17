"""Blobs read or written lately, up to a number of bytes: least recently used goes first."""

from collections import OrderedDict


class Recent:
    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._blobs: OrderedDict[bytes, bytes] = OrderedDict()
        self.size_bytes = 0

    def get(self, digest: bytes) -> bytes | None:
        blob = self._blobs.get(digest)
        if blob is not None:
            self._blobs.move_to_end(digest)
        return blob

    def put(self, digest: bytes, blob: bytes) -> None:
        """A blob larger than the whole is not kept: it would only chase all others away."""
        if len(blob) > self._bytes_max:
            return
        self.drop(digest)
        self._blobs[digest] = blob
        self.size_bytes += len(blob)
        while self.size_bytes > self._bytes_max:
            _, oldest = self._blobs.popitem(last=False)
            self.size_bytes -= len(oldest)

    def drop(self, digest: bytes) -> None:
        blob = self._blobs.pop(digest, None)
        if blob is not None:
            self.size_bytes -= len(blob)

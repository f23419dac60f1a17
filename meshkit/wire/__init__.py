"""The wire: how bytes travel between nodes, from newcomers, and from operators.

Theory. A mesh without a broker has no place where messages wait, so the wire promises little and
says what it did not do: what is lost is noticed, counted and asked for again, and nothing that a
peer sends makes it raise, wait or grow. Who speaks is known by the key of the connection; what is
said is known by the envelope's own signature, which the layer above checks.

`port` is what a node asks of any carrier. `zeromq` is the carrier of today, made of small parts:
`sockets` opens and closes, `zap` lets in, `guard` measures and cuts off, `events` and `direct`
carry messages, `gaps` notices what is missing, `pulls` and `blobs` fetch large things piece by
piece, `join` receives newcomers. `ipc` is the operator's way in. `frames` holds every form of
message between nodes, `limits` every bound, `counts` everything that is counted.
"""

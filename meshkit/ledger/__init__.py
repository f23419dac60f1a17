"""The ledger: what the mesh agrees on."""

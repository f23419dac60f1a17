"""The pool: what this node would put in the next block."""

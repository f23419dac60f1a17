"""Generated from `schemas/meshkit/pb` by `make schemas`; never edited."""

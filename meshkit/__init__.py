"""Learning together without a server: every node an event-sourced machine that replays."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from meshkit.client import Client as Client

RULES = 1  # the version of the rules nodes decide by; see docs/adr/0019 for what raises it


def __getattr__(name: str) -> Any:
    # The client draws in sockets and keys, which a pure machine has no use for.
    if name == "Client":
        from meshkit.client import Client

        return Client
    raise AttributeError(f"meshkit has no {name}")

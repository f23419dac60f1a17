"""Learning together without a server: every node an event-sourced machine that replays."""

__version__ = "0.1.0"

RULES = 1  # the version of the rules nodes decide by; a change of behaviour raises it

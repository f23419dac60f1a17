"""The pure heart: what a value and a machine are, how machines make a node, how it replays."""

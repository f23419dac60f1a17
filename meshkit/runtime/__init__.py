"""The shell around a node: clock, dice, disk, sockets and workers. Nothing else touches the world."""

"""The shell around a node: clock, dice, disk, sockets, workers. Nothing else touches the world."""

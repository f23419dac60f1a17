"""The command line: one module a noun, over `meshkit.Client` and the node services."""

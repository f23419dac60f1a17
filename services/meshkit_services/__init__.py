"""The processes of a mesh: one module a process, each with a main()."""

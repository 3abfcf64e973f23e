"""The command line: one file per verb, discovered by file name."""

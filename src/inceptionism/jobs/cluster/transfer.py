"""Ways in which files get to the workers of a cluster. The command line imports this module when it starts."""

TRANSFERS = AUTO, PATHS, OBJECTS = ("auto", "paths", "objects")
"""By path if a worker sees the file and as a copy if it does not; always by path; or always as a copy."""

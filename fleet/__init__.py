"""`fleet`: headquarters' view of every office's samples, and its hand on them, from the command line.

It reads headquarters' table, asks an office's own account where only that knows (logs, dead letters, ledger),
and acts through the handlers' own code. The offices are those of the stack files, under the same names.
"""

"""Simulation: a day of an office at volumes that nobody has had yet, and which of AWS's limits bites first.

`office` is a discrete-event model (simpy) of the way of a sample, fed by measured stage times (`stages`) and
AWS's limits (`quotas`). It is held against what the platform really did at small size (`check`).
`make simulate` writes docs/scale.md.
"""

"""The rehearsal of a rollout: the workflows themselves, run by act, with the twin as AWS and a GitHub of its
own.
"""


class Broken(Exception):
    """Something of the rehearsal did not come."""

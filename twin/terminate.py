"""Ends the twin that the state file names, whoever started it."""

from twin import home
from twin.server import end


def running_twin() -> None:
    """Raises TwinMissing when none runs."""
    end(home.running().pid)
    home.forget_process()

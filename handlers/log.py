"""One logger: a JSON object a line, with the function's name; level from `LOG_LEVEL`.

From upload to delivery, every line about a run bears its id: `fleet logs RUN --steps` puts them together.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger

RUN_ID = "run_id"

logger = Logger(service=None)


def about(run_id: str) -> None:
    """What is logged from now on is about this run, until the record or the round of it is over."""
    logger.append_keys(**{RUN_ID: run_id})


@contextmanager
def one_by_one() -> Iterator[None]:
    """Around the handling of one thing, and the logging of its failure: what it is `about` ends with it."""
    logger.remove_keys([RUN_ID])
    try:
        yield
    finally:
        logger.remove_keys([RUN_ID])

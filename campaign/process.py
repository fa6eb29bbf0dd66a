"""The campaign's process: cheap and deterministic while a story runs, and behind it as it was.

Without that, whoever comes later in the same process would send requests without a signature.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.endpoint
import runner.after
import runner.job
import runner.members
import runner.publish
from botocore.retries import quota
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString

from handlers.log import logger

# By `campaign.account.make_clients_cheap` and `campaign.container.replace_what_only_takes_time`.
REPLACED = (
    (quota, "RetryQuota"),
    (botocore.endpoint, "time"),
    (RequestSigner, "sign"),
    (UserAgentString, "to_string"),
    *((runner.job, name) for name in ("Cache", "Heart", "run_folder", "stage", "S3Source")),
    *((runner.job, name) for name in ("_fits", "_log", "_measured", "_pipeline")),
    *((module, "ThreadPoolExecutor") for module in (runner.publish, runner.after, runner.members)),
    *((runner.after, name) for name in ("S3Source", "download")),
)


@contextmanager
def put_back() -> Iterator[None]:
    """What a story replaces, the functions' log and the state of chance are afterwards what they were."""
    before = [(owner, name, vars(owner)[name]) for owner, name in REPLACED]
    handlers, level, chance = list(logger.handlers), logger.log_level, random.getstate()
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)  # type: ignore[attr-defined]  # Powertools passes it on
        for handler in handlers:
            logger.addHandler(handler)
        logger.setLevel(level)
        random.setstate(chance)

"""The campaign makes its own process cheap and deterministic; what others share is put back behind it."""

import random
from collections.abc import Iterator

import botocore.endpoint
import pytest
import runner.after
import runner.job
import runner.members
import runner.publish
from botocore.retries import quota
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString

from handlers.log import logger

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


@pytest.fixture(scope="module", autouse=True)
def _put_back() -> Iterator[None]:
    """Without this, tests that come later in the same process would send requests without a signature."""
    before = [(owner, name, vars(owner)[name]) for owner, name in REPLACED]
    handlers, level, chance = list(logger.handlers), logger.log_level, random.getstate()
    yield
    for owner, name, value in before:
        setattr(owner, name, value)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)  # type: ignore[attr-defined]  # Powertools passes it on
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(level)
    random.setstate(chance)

"""Releases: their codec, and what a job asks for."""

import pytest

from handlers.release import GIB, fitting, releases_from_json, releases_to_json, usable_mib
from tests.handlers.aws_fakes import RELEASE


def test_what_infrastructure_writes_the_functions_read() -> None:
    """The two halves of a deployment must agree, or no job is submitted."""
    assert releases_from_json(releases_to_json([RELEASE])) == {"metagenome": RELEASE}


def test_a_broken_environment_is_named() -> None:
    """An engineer should not have to guess which variable is wrong."""
    with pytest.raises(ValueError, match="RELEASES"):
        releases_from_json('{"metagenome": {"d": "sha256:x"}}')


def test_memory_follows_the_input_up_to_the_pipelines_limit() -> None:
    """Small samples stay cheap, large ones get what they need."""
    assert RELEASE.request(0).memory_mib == 6000
    assert RELEASE.request(4 * GIB).memory_mib == 12000
    assert RELEASE.request(1000 * GIB).memory_mib == 31000


@pytest.mark.parametrize("instance", [8, 16, 32, 64, 128, 256])
def test_no_request_lies_between_what_an_instance_has_and_what_it_gives(instance: int) -> None:
    """32,000 MiB asked of an instance of 32 GiB stays RUNNABLE for ever."""
    assert fitting(instance * 1024) == usable_mib(instance)
    assert fitting(instance * 1024 - 100) == usable_mib(instance)
    assert fitting(instance * 1024 + 1) in (instance * 1024 + 1, usable_mib(256))


def test_a_32_gib_instance_gives_31431_mib() -> None:
    """The measured figure the rule stands on."""
    assert fitting(32_000) == 31_431


def test_scratch_beyond_the_share_asks_for_more_vcpus() -> None:
    """Batch has no request for disk: the share of the host's NVMe follows the vCPUs."""
    assert RELEASE.request(GIB).vcpus == 4
    assert RELEASE.request(100 * GIB).vcpus == 13


def test_every_job_has_a_time_limit() -> None:
    """A job without one can hang for ever."""
    assert RELEASE.request(0).time_limit_s == 3600

"""What another project's scanner is told of the offices, and what counts as answered."""

import json
from pathlib import Path
from typing import Any

import pytest

from policies.declared import Resource, Stack
from policies.scanner import Accepted, Finding, NotScanned, faults, load, read, scan
from policies.terraform import NotKnown, plan

FINDING = Finding(check="CKV_AWS_18", says="access logging", office="eu", resource="globalbi-eu-uploads")
ACCEPTED = Accepted(check="CKV_AWS_18", reason="data events say it better", resources=("uploads",))


def test_every_resource_that_is_declared_is_told(offices: dict[str, Stack]) -> None:
    """A kind that the scanner never hears of has no findings."""
    for stack in offices.values():
        told = plan(stack)["planned_values"]["root_module"]["resources"]
        assert len({each["address"] for each in told}) == len(stack.resources)
        json.dumps(told)


def test_blocks_lists_and_maps_are_terraforms(offices: dict[str, Stack]) -> None:
    """A check that looks for a field of another name finds nothing wrong, or everything."""
    resources = plan(offices["eu"])["planned_values"]["root_module"]["resources"]
    told = {each["address"]: each["values"] for each in resources}
    rules = told["aws_s3_bucket_lifecycle_configuration.globalbi-eu-uploads-lifecycle"]["rule"]
    assert rules[0]["abort_incomplete_multipart_upload"] == [{"days_after_initiation": 7}]
    (template,) = (values for address, values in told.items() if address.startswith("aws_launch_template."))
    assert template["metadata_options"][0]["http_tokens"] == "required"
    assert told["aws_s3_bucket.globalbi-eu-uploads"]["tags"]["globalbi:office"] == "eu"


def test_what_belongs_to_a_bucket_is_told_to_belong_to_it(offices: dict[str, Stack]) -> None:
    """Every bucket would else seem to be without versions, encryption and walls."""
    configured = plan(offices["eu"])["configuration"]["root_module"]["resources"]
    references = {
        each["type"]
        for each in configured
        if "aws_s3_bucket.globalbi-eu-uploads" in each["expressions"].get("bucket", {}).get("references", ())
    }
    assert references >= {
        "aws_s3_bucket_versioning",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
    }


def test_a_list_of_blocks_that_nobody_has_named_is_refused() -> None:
    """The scanner would pass over it without a word."""
    new = Resource(kind="aws:wafv2/webAcl:WebAcl", name="wall", inputs={"customResponses": [{"key": 1}]})
    with pytest.raises(NotKnown, match=r"wall\.customResponses"):
        plan(Stack(resources=(new,)))


def test_a_finding_is_answered_by_its_own_exception_alone() -> None:
    """A reason for one bucket is none for the next."""
    assert faults([FINDING], [ACCEPTED]) == []
    other = Finding(check="CKV_AWS_18", says="access logging", office="eu", resource="globalbi-eu-results")
    (told,) = faults([FINDING, other], [ACCEPTED])
    assert "globalbi-eu-results: CKV_AWS_18: access logging" in told


def test_an_exception_that_nothing_needs_fails() -> None:
    """It would let the same fault in again, unseen."""
    assert faults([], [ACCEPTED]) == ["scanner.yaml: CKV_AWS_18 was not found of uploads. Remove it."]
    wide = ACCEPTED.model_copy(update={"resources": ()})
    assert faults([], [wide]) == ["scanner.yaml: CKV_AWS_18 was not found. Remove it."]


@pytest.mark.parametrize("summary", [{"resource_count": 3}, {"parsing_errors": 1}])
def test_resources_that_were_not_understood_are_no_clean_ones(summary: dict[str, int]) -> None:
    """A plan in a form that a new version does not read would pass every check."""
    told: dict[str, Any] = {"passed": 9, "parsing_errors": 0, "resource_count": 4} | summary
    with pytest.raises(NotScanned, match="understood"):
        read("eu", {"summary": told, "results": {"failed_checks": []}}, 4)


def test_a_scanner_that_breaks_is_no_clean_scan(tmp_path: Path) -> None:
    """The look would else pass for ever."""
    broken = tmp_path / "checkov"
    broken.write_text("#!/bin/sh\necho 'no module named x' >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(NotScanned, match="ended with 1: no module named x"):
        scan("us", broken)


def test_the_exceptions_can_be_read() -> None:
    """Each has a check and a reason."""
    assert load()

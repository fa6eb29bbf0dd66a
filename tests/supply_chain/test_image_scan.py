"""The registry's scan of an image: every page, and both forms that Amazon ECR answers in."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import WaiterError
from botocore.stub import Stubber

from supply_chain.image_scan import findings

DIGEST = "sha256:" + "a" * 64
ASKED = {"repositoryName": "globalbi/metagenome", "imageId": {"imageDigest": DIGEST}}
DONE = {"imageScanStatus": {"status": "COMPLETE"}}
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
BASIC = {
    "findings": [
        {
            "name": name,
            "severity": severity,
            "attributes": [
                {"key": "package_name", "value": "zlib"},
                {"key": "package_version", "value": "1:1.2.13"},
            ],
        }
        for name, severity in (("CVE-2023-45853", "CRITICAL"), ("CVE-2023-1", "HIGH"))
    ]
}
ENHANCED = {
    "enhancedFindings": [
        {
            "severity": "CRITICAL",
            "packageVulnerabilityDetails": {
                "vulnerabilityId": "CVE-2026-9",
                "vulnerablePackages": [{"name": "radiant", "version": "2.8", "fixedInVersion": "2.9"}],
            },
        }
    ]
}


def scanned(*pages: dict[str, Any], status: str = "COMPLETE") -> list[str]:
    ecr = boto3.client("ecr", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(ecr) as stub:
        stub.add_response(
            "describe_image_scan_findings",
            {"imageScanStatus": {"status": status}, "imageScanFindings": {}},
            ASKED,
        )
        for index, page in enumerate(pages):
            more = {"nextToken": str(index + 1)} if pages[index + 1 :] else {}
            asked = {**ASKED, **({"nextToken": str(index)} if index else {})}
            stub.add_response(
                "describe_image_scan_findings", {"imageScanFindings": page, **DONE, **more}, asked
            )
        found = findings(ecr, "globalbi/metagenome", DIGEST, "pipeline_images/metagenome")
        stub.assert_no_pending_responses()
    return [str(each) for each in found]


def test_critical_faults_of_every_page_are_told_in_either_form() -> None:
    """A fault on the second page, or one of Inspector's, would reach every office."""
    assert scanned(BASIC, ENHANCED) == [
        "pipeline_images/metagenome: zlib 1:1.2.13 has CVE-2023-45853; no version mends it yet",
        "pipeline_images/metagenome: radiant 2.8 has CVE-2026-9; take 2.9",
    ]


def test_a_scan_that_failed_is_no_scan_without_findings() -> None:
    """The image would be attested without ever having been looked at."""
    with pytest.raises(WaiterError):
        scanned(status="FAILED")

"""Known faults in an image, as the registry's scan finds them."""

from typing import TYPE_CHECKING, Any

from supply_chain.allowed import Finding

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

# What Debian itself rates lower is mended by its own updates: `images` builds anew with its newest packages.
BLOCKING = ("CRITICAL",)


def findings(ecr: "ECRClient", repository: str, digest: str, where: str) -> list[Finding]:
    """Waits for the scan that a push starts (up to 5 minutes).

    Raises botocore's `WaiterError` when the scan fails or does not end.
    """
    image = {"imageDigest": digest}
    ecr.get_waiter("image_scan_complete").wait(repositoryName=repository, imageId=image)  # type: ignore[arg-type]
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(
        repositoryName=repository,
        imageId=image,  # type: ignore[arg-type]
    )
    found = [each for page in pages for each in _of_page(dict(page["imageScanFindings"]), where)]
    return list(dict.fromkeys(found))


def _of_page(page: dict[str, Any], where: str) -> list[Finding]:
    """Basic scanning tells `findings`, enhanced scanning (Amazon Inspector) `enhancedFindings`."""
    found = []
    for each in page.get("findings", ()):
        if each["severity"] in BLOCKING:
            told = {pair["key"]: pair["value"] for pair in each.get("attributes", ())}
            package = f"{told.get('package_name', '?')} {told.get('package_version', '')}".strip()
            found.append(Finding(id=each["name"], where=where, package=package))
    for each in page.get("enhancedFindings", ()):
        if each["severity"] in BLOCKING:
            detail = each["packageVulnerabilityDetails"]
            packages = detail.get("vulnerablePackages", [])
            mended = tuple(
                dict.fromkeys(one["fixedInVersion"] for one in packages if one.get("fixedInVersion"))
            )
            found.append(
                Finding(
                    id=detail["vulnerabilityId"],
                    where=where,
                    package=", ".join(f"{one['name']} {one['version']}" for one in packages) or "?",
                    mended_in=mended,
                )
            )
    return found

"""One twin for these tests: headquarters, an office with a partner, and no machines for jobs."""

from collections.abc import Iterator

import pytest

from components.roster import Fleet
from demo.tree import planted
from fleet.access import Access
from tests.erasure.lab import NEIGHBOUR, Lab
from tests.test_delivery import BUCKET, REGION, agree, client
from tests.three_offices import copy_stack_files
from twin import deploy
from twin.server import Twin

PROJECT = "soil"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = planted(tmp_path_factory.mktemp("tree"))
    copy_stack_files(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("home") / "twin"))
        with Twin(root=root) as twin:
            partner = client("s3", twin.endpoint)
            partner.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
            key = client("kms", twin.endpoint).create_key()["KeyMetadata"]["Arn"]
            agree(root / "Pulumi.eu.yaml", key)
            for name in ("hq", "eu"):
                deploy.up(name, root=root)
            access = Access(fleet=Fleet.load(root), endpoint=twin.endpoint)
            made = Lab(
                access=access,
                context=access.context(access.fleet.office("eu")),
                partner=partner,
                endpoint=twin.endpoint,
            )
            made.opened()
            made.stop_all_jobs()
            made.succeeded(900, NEIGHBOUR, project=PROJECT)
            yield made

"""The workflow `promote` itself, run by act, with containers. `make rehearse` tells the rest of the story."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from components.names import repository_name
from components.roster import Fleet
from fleet.access import Access, bucket
from rehearsal import act, world
from rehearsal.registry import PIPELINE, SPOILT
from rehearsal.world import PullRequest, World
from tests.fleet.lab import Offices, moved, run

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


class Release:
    """Headquarters is applied; eu has what a release asks for: a registry, and the references."""

    def __init__(self, here: World) -> None:
        self.here, self.access = here, Access(fleet=Fleet.load(world.ROOT), endpoint=here.twin.endpoint)
        assert here.run("apply.yml", here.by_hand({"office": "hq", "override": "a rehearsal"})).succeeded
        here.prepare_samples()
        eu = self.access.fleet.office("eu")
        self.before = eu.releases[PIPELINE]
        self.access.client("ecr", eu).create_repository(repositoryName=repository_name(PIPELINE))
        s3, name = self.access.client("s3", eu), bucket(eu, "references")
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": eu.region})
        for reference, version in self.before.references.items():
            s3.put_object(Bucket=name, Key=f"{reference}/{version}/SHA256SUMS", Body=b"")

    def comes(self, name: str, dockerfile: str) -> str:
        """Headquarters has the release and a sample that went well with it; eu's registry has the image."""
        digest = self.here.push_image(name, dockerfile)
        self.here.registry.replicate(digest, "eu")
        self.here.repository.branch(name)
        self.here.repository.edit("Pulumi.hq.yaml", self.before.digest, digest)
        self.here.repository.commit(name)
        pull = self.here.open(name)
        self.here.pushed(pull, "opened")
        self.here.merge(pull)
        roles = self.access.fleet.pipelines[PIPELINE].references
        pins = {role: (known, self.before.references[known]) for role, known in roles.items()}
        row = replace(moved(run(), "succeeded"), release_digest=digest, references=pins)
        Offices(access=self.access).at_headquarters("hq", row)
        return digest

    def promoted(self) -> PullRequest:
        ran = self.here.run("promote.yml", self.here.clock())
        assert ran.succeeded, [line for job in ran.jobs for line in job.lines[-20:]]
        found = self.here.proposed()
        assert found, ran.job("gates").lines
        return found


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    folder = tmp_path_factory.mktemp("promotion")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(folder / "twin"))
        try:
            with world.made(folder / "world", lambda job, seconds: None) as here:
                yield Release(here)
        except act.Missing as fault:
            pytest.skip(str(fault))


def test_a_spoilt_release_is_taken_back(release: Release) -> None:
    """Token, roles, sign-in, images by digest, canary and pull request meet only in the workflow.

    One that ran the old image twice would find nothing wrong.
    """
    digest = release.comes("spoilt", SPOILT)
    pull = release.promoted()
    assert pull.branch.startswith(f"revert/{PIPELINE}-")
    assert "canary" in release.here.github.proposed[-1]["body"]
    desk = release.here.repository.desk
    assert digest in (desk / "rollout" / "refused.yaml").read_text()
    assert release.before.digest in (desk / "Pulumi.hq.yaml").read_text()

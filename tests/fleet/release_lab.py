"""Three offices and a release on its way: all gates are passed until a test breaks one."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from components.names import repository_name
from components.roster import Fleet
from fleet import canaries
from fleet.access import Access, bucket
from fleet.options import now
from rollout.repository import git
from tests.canary.example import record as canary_record
from tests.fleet.lab import ROOT, Answer, Offices, moved, run, three_offices
from tests.three_offices import copy_stack_files, known_fleet

# What all three offices run, until a test changes it.
FLEET = known_fleet()
RELEASE = FLEET.office("us").releases["metagenome"]
OLD = RELEASE.digest
OTHER = re.compile(r"    cohort:\n      digest: .*\n")
IDENTITY = ("-c", "user.name=x", "-c", "user.email=x@example.org")
PINS = {
    role: (name, RELEASE.references[name]) for role, name in FLEET.pipelines["metagenome"].references.items()
}
PROMOTION = "promotion: {soakHours: 1, samples: 2, mostFailures: 0.25}"


class Lab:
    """eu runs a new release, hq the same; us is to follow. All gates are passed until a test breaks one."""

    def __init__(self, folder: Path, access: Access) -> None:
        self.root = folder
        copy_stack_files(folder)
        shutil.copy(ROOT / "rollout.yaml", folder)
        for office in ("hq", "eu", "us"):  # one pipeline is enough here
            self.edit(f"Pulumi.{office}.yaml", lambda text: OTHER.sub("", text))
        contract = "pipeline_images/metagenome/pipeline.yaml"
        (folder / contract).parent.mkdir(parents=True)
        shutil.copy(ROOT / contract, folder / contract)
        self.edit("rollout.yaml", lambda text: text.split("\npromotion:")[0] + f"\n{PROMOTION}\n")
        self.edit("rollout.yaml", lambda text: text.split("\nfreezes:")[0] + f"\n{PROMOTION}\n")
        us = access.fleet.office("us")
        ecr, s3 = access.client("ecr", us), access.client("s3", us)
        with suppress(ecr.exceptions.RepositoryAlreadyExistsException):  # by the test before
            ecr.create_repository(repositoryName=repository_name("metagenome"))
        manifest = json.dumps({"schemaVersion": 2, "of": str(folder)})
        self.digest = ecr.put_image(
            repositoryName=repository_name("metagenome"), imageManifest=manifest, imageTag=folder.name[-40:]
        )["image"]["imageId"]["imageDigest"]
        assert self.digest == "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
        self.references = bucket(us, "references")
        s3.create_bucket(Bucket=self.references)
        for name, version in RELEASE.references.items():
            s3.put_object(Bucket=self.references, Key=f"{name}/{version}/SHA256SUMS", Body=b"")
        self.s3, self.endpoint = s3, access.endpoint
        for office in ("hq", "eu"):
            self.edit(f"Pulumi.{office}.yaml", lambda text: text.replace(OLD, self.digest))
        self.offices = three_offices(access)
        self.access = access
        self.old = FLEET.office("us").releases["metagenome"]
        self.new = self.old.model_copy(update={"digest": self.digest})
        self.canary()

    def canary(self, **changes: Any) -> None:
        """Headquarters keeps one of what us has and what is to come; `changes` are of the new release."""
        canaries.keep(self.access, canary_record(old=self.old, new=self.new, **changes))

    def forget_canaries(self) -> None:
        three_offices(self.access)

    def edit(self, file: str, change: Callable[[str], str]) -> None:
        path = self.root / file
        path.write_text(change(path.read_text()))

    def make_history(self) -> None:
        """hq and eu had the old release for ten hours, and have the new one for three."""
        git(self.root, "init", "--quiet")
        for hours_ago, before, after in ((10, self.digest, OLD), (3, OLD, self.digest)):
            for office in ("hq", "eu"):
                self.edit(f"Pulumi.{office}.yaml", lambda text: text.replace(before, after))  # noqa: B023
            git(self.root, "add", "--all")
            when = (now() - timedelta(hours=hours_ago)).isoformat()
            with patch.dict(os.environ, GIT_COMMITTER_DATE=when):
                git(self.root, *IDENTITY, "commit", "--quiet", "-m", "x")

    def ran(self, state: str, *numbers: int, **changes: object) -> None:
        for number in numbers:
            one = replace(run(number, **changes), release_digest=self.digest)
            one = one if "references" in changes else replace(one, references=PINS)
            self.offices.at_headquarters("eu", moved(one, state))

    def fleet(self, *words: str) -> Answer:
        access = Access(fleet=Fleet.load(self.root), endpoint=self.endpoint)
        return Offices(access=access).fleet("--root", str(self.root), *words)

    def promote(self, *words: str) -> Answer:
        return self.fleet("promote", "metagenome", "--json", *words)

    def held_by(self, *words: str) -> set[str]:
        """The gates that fail; then no file may have changed."""
        before = (self.root / "Pulumi.us.yaml").read_text()
        answer = self.promote(*words)
        failed = {each["gate"] for each in answer.json["gates"] if not each["passed"]}
        assert (answer.code, answer.json["files"]) == (5, [])
        assert (self.root / "Pulumi.us.yaml").read_text() == before
        return failed

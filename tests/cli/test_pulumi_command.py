"""The program, the policy pack and the rollout with Pulumi's real command and engine. AWS is a stand-in."""

import os
import subprocess
import sys

import yaml

from policies.declared import UNKNOWN, of_preview
from policies.pack import judge
from rollout.comment import LABEL, refusals
from rollout.explanations import explain
from rollout.summary import Summary, summarise
from tests.cli.conftest import ROOT, Checkout

JOB, FUNCTION, BUCKET = (
    "aws:batch/jobDefinition:JobDefinition",
    "aws:lambda/function:Function",
    "aws:s3/bucket:Bucket",
)
OWN_NAME = "bucket=self.physical_name,"
OTHER_NAME = 'bucket=self.physical_name + "-2",'


def changed(summary: Summary) -> set[tuple[str, str, str]]:
    return {(change.action, change.type, change.name) for change in summary.changes}


def test_the_command_leaves_a_stack_file_that_the_program_takes(new: Checkout) -> None:
    """`stack init` writes the file anew; an office could else never be deployed after it."""
    ran = subprocess.run(
        [sys.executable, "-m", "components.office"],
        cwd=new.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    assert "encryptionsalt" in (new.folder / f"Pulumi.{new.office}.yaml").read_text()


def test_a_new_office_is_previewed_applied_and_then_as_declared(new: Checkout) -> None:
    """The program meets values that nobody knows before the first `up`, and a second one changes nothing."""
    preview = new.preview()
    summary = summarise(new.office, preview)
    assert not summary.fault, preview["diagnostics"]
    assert summary.changes
    assert {change.action for change in summary.changes} == {"create"}
    assert UNKNOWN in str(preview["steps"])
    assert judge(of_preview(preview)) == []
    new.done("preview", "--stack", new.office, "--policy-pack", "policies")
    new.done("up", "--stack", new.office, "--yes", "--skip-preview", "--refresh=false")
    new.done("preview", "--stack", new.office, "--expect-no-changes")
    # The nightly look.
    again = new.preview("--refresh")
    assert summarise(new.office, again) == Summary(office=new.office)
    assert judge(of_preview(again)) == []
    new.done("preview", "--stack", new.office, "--policy-pack", "policies")
    uploads = new.done("stack", "output", "--stack", new.office, "uploads_bucket").strip()
    assert uploads.startswith(f"globalbi-{new.office}-uploads-")


def test_a_new_digest_changes_the_job_definition_and_what_names_it(applied: Checkout) -> None:
    """Who merges a release reads that nothing else moves."""
    pinned = yaml.safe_load((applied.folder / "Pulumi.eu.yaml").read_text())["config"]["globalbi:releases"]
    applied.edit("Pulumi.eu.yaml", pinned["metagenome"]["digest"], f"sha256:{'0' * 64}")
    assert changed(summarise("eu", applied.preview())) == {
        ("update", JOB, "globalbi-eu-metagenome"),
        *(
            ("update", FUNCTION, f"globalbi-eu-{name}")
            for name in ("desk", "intake", "progress", "reconcile")
        ),
    }


def test_what_holds_data_is_told_by_name_when_the_engine_refuses_to_replace_it(applied: Checkout) -> None:
    """The engine ends the preview without a step; the pull request must still say which bucket."""
    applied.edit("components/bucket.py", OWN_NAME, OTHER_NAME)
    summary = summarise("eu", applied.preview())
    losses = {(change.action, change.type) for change in summary.losses}
    assert losses == {("replace", BUCKET)}
    assert all(change.protected for change in summary.changes)
    assert "protected" in summary.fault


def test_what_is_protected_is_given_up_in_two_steps(applied: Checkout) -> None:
    """The guide's way out works: first the protection, which changes nothing; then the label decides."""
    apply = ("up", "--stack", "eu", "--yes", "--skip-preview")
    applied.edit("components/bucket.py", "opts=child_of(self, keep=True)", "opts=child_of(self)")
    try:
        assert summarise("eu", applied.preview()) == Summary(office="eu")
        applied.done(*apply)
        applied.edit("components/bucket.py", OWN_NAME, OTHER_NAME)
        summary = summarise("eu", applied.preview())
        assert not summary.fault
        lost = {(change.action, change.name) for change in summary.losses}
        assert lost == {("replace", f"globalbi-eu-{name}") for name in ("references", "results", "uploads")}
        assert refusals([summary], [])
        assert refusals([summary], [LABEL]) == []
    finally:
        applied.restore("components/bucket.py")
        applied.done(*apply)


def test_an_office_is_not_destroyed(applied: Checkout) -> None:
    """One wrong word in a terminal must not cost a year's results."""
    ran = applied.pulumi("destroy", "--stack", "eu", "--yes")
    assert ran.returncode != 0
    assert "because it is protected" in ran.stdout + ran.stderr
    assert any("protected" in line for line in explain("eu", ran.stdout + ran.stderr))
    applied.done("preview", "--stack", "eu", "--expect-no-changes")


def test_another_accounts_credentials_are_refused(applied: Checkout) -> None:
    """America's credentials in Europe's terminal change nothing."""
    arguments = ("preview", "--stack", "eu")
    ran = applied.pulumi(*arguments, AWS_ACCESS_KEY_ID="333333333333")
    assert ran.returncode != 0
    assert "333333333333" in ran.stdout + ran.stderr


def test_a_faulty_file_is_told_in_its_own_words(applied: Checkout) -> None:
    """The command shows the program's sentence, and the summary says that there is no preview."""
    applied.edit("Pulumi.eu.yaml", "10.20.0.0/16", "10.20.0.0/29")
    ran = applied.pulumi("preview", "--stack", "eu")
    assert "Pulumi.eu.yaml: globalbi:cidr must be a /16 to /24 network, not '10.20.0.0/29'" in ran.stdout
    assert summarise("eu", applied.preview()).fault


def test_pulumis_own_analyzer_runs_the_policies(applied: Checkout) -> None:
    """`--policy-pack policies` judges as the preview workflow does."""
    arguments = ("preview", "--stack", "eu", "--policy-pack", "policies")
    assert applied.pulumi(*arguments).returncode == 0
    applied.edit("components/bucket.py", 'Args(status="Enabled")', 'Args(status="Suspended")')
    ran = applied.pulumi(*arguments)
    assert ran.returncode != 0
    assert "GBI-S3-2 globalbi-eu-uploads: needs a BucketVersioning that is Enabled" in ran.stdout

"""What must hold for the workflows, beside what actionlint and zizmor find."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap import names
from components.roster import Fleet
from rollout.settings import MOST_WAVES

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    return document


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path.name, name, job) for path in FILES for name, job in read(path.name)["jobs"].items()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_begins_with_no_permissions_and_pins_its_actions(path: Path) -> None:
    """A tag that is moved runs somebody else's code with our role."""
    assert read(path.name)["permissions"] == {}
    for used in re.findall(r"uses: (\S+)(.*)", path.read_text()):
        if not used[0].startswith("./"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used[0]), used
            assert re.search(r"# v\d", used[1]), used
    # A pull request's code with the base's rights.
    assert "pull_request_target" not in path.read_text()


@pytest.mark.parametrize(
    ("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_identity_for_aws_is_had_only_in_an_environment(file: str, name: str, job: dict[str, Any]) -> None:
    """The roles trust environments, whose rules (only main, reviewers) then hold."""
    if job.get("permissions", {}).get("id-token") and "uses" not in job:
        assert job.get("environment"), (file, name)


@pytest.mark.parametrize(
    ("file", "name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_who_may_write_runs_no_code_of_a_pull_request(file: str, name: str, job: dict[str, Any]) -> None:
    """A pull request could else write itself an approval."""
    writes = {right for right, level in job.get("permissions", {}).items() if level == "write"} - {"id-token"}
    triggers = read(file)[True]
    if writes and "pull_request" in triggers:
        assert job["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}", (file, name)
        assert not [step for step in job["steps"] if "make" in str(step.get("run"))]


def test_a_fork_gets_no_role() -> None:
    preview = read("preview.yml")["jobs"]
    condition = " ".join(preview["offices"]["if"].split())
    assert "github.event.pull_request.head.repo.full_name == github.repository" in condition
    assert "offices" in preview["office"]["needs"]


def test_past_runs_are_asked_for_by_the_bases_code_and_nothing_waits_for_them() -> None:
    """Else a pull request decides what is asked of headquarters, and a missing table stops every merge."""
    preview = read("preview.yml")["jobs"]
    assert preview["runs"]["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    condition = " ".join(preview["office"]["if"].split())
    assert "!cancelled() && needs.offices.result == 'success'" in condition
    assert "runs" not in preview["verdict"]["needs"]
    assert "needs.runs" not in condition


def test_each_wave_waits_for_all_before_it() -> None:
    """A wave that does not wait is a canary that proves nothing."""
    apply = read("apply.yml")["jobs"]
    assert sorted(name for name in apply if name.startswith("wave-")) == [
        f"wave-{number}" for number in range(1, MOST_WAVES + 1)
    ]
    for number in range(2, MOST_WAVES + 1):
        job = apply[f"wave-{number}"]
        assert job["needs"] == ["plan", *(f"wave-{before}" for before in range(1, number))]
        # A job with its own condition runs after a failure unless the condition says otherwise.
        assert "!failure() && !cancelled()" in job["if"]
        assert f"needs.plan.outputs.wave_{number} != '[]'" in job["if"]
        assert job["with"]["offices"] == f"${{{{ needs.plan.outputs.wave_{number} }}}}"


def test_what_is_where_is_said_after_every_rollout() -> None:
    """After a failure it is what an engineer needs first."""
    status = read("apply.yml")["jobs"]["status"]
    assert status["if"] == "always()"
    assert status["needs"] == ["plan", *(f"wave-{number}" for number in range(1, MOST_WAVES + 1))]


def test_an_apply_is_never_cancelled_in_mid_run() -> None:
    """A killed pulumi leaves a lock and half an update."""
    assert read("apply.yml")["concurrency"]["cancel-in-progress"] is False
    office = read("apply-wave.yml")["jobs"]["office"]
    assert office["concurrency"] == {"group": "stack-${{ matrix.office }}", "cancel-in-progress": False}
    # fail-fast cancels running neighbours; with one at a time there are none.
    assert office["strategy"]["max-parallel"] == 1
    assert office["strategy"]["fail-fast"] is True


def test_nothing_is_applied_before_it_was_judged_once_more() -> None:
    steps = [step.get("name") for step in read("apply-wave.yml")["jobs"]["office"]["steps"]]
    assert steps.index("Refuse what nobody approved") < steps.index("Apply")


@pytest.mark.parametrize("office", Fleet.load(ROOT).offices, ids=lambda office: office.name)
def test_the_environments_are_those_that_the_roles_trust(office: Any) -> None:
    """Another name, and every job of the office is refused by AWS."""

    def environment(file: str, job: str) -> str:
        named = str(read(file)["jobs"][job]["environment"])
        for asked in ("${{ matrix.office }}", "${{ needs.offices.outputs.headquarters }}"):
            named = named.replace(asked, office.name)
        return named

    assert environment("apply-wave.yml", "office") == names.environment(office)
    assert environment("preview.yml", "office") == names.environment(office, preview=True)
    assert environment("preview.yml", "runs") == names.environment(office, preview=True)
    assert environment("drift.yml", "office") == names.environment(office, preview=True)
    assert environment("images.yml", "image") == names.IMAGES
    assert environment("promote.yml", "gates") == names.PROMOTE
    assert environment("rightsize.yml", "runs") == names.PROMOTE


@pytest.mark.parametrize(("file", "asks"), [("promote.yml", "gates"), ("rightsize.yml", "runs")])
def test_who_asks_the_offices_writes_nothing_and_who_writes_asks_none(file: str, asks: str) -> None:
    """What analyses reads with an image on trial must not open pull requests, still less merge them."""
    gates, opens = (read(file)["jobs"][name] for name in (asks, "propose"))
    assert set(gates["permissions"].values()) == {"read", "write"}
    assert [right for right, level in gates["permissions"].items() if level == "write"] == ["id-token"]
    assert "id-token" not in opens["permissions"]
    assert not [step for step in opens["steps"] if "make" in str(step.get("run"))]


def test_no_preview_leaves_its_job() -> None:
    """`preview.json` holds every input of every resource; only the summary goes on, and it holds names."""
    for file in ("preview.yml", "drift.yml"):
        uploads = [
            step
            for step in read(file)["jobs"]["office"]["steps"]
            if "upload-artifact" in step.get("uses", "")
        ]
        assert [step["with"]["path"] for step in uploads] == ["summaries/"]

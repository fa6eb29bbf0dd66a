"""`rightsize`: from runs at headquarters to the lines of pipeline.yaml and the pull request."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fleet.access import Access
from handlers.release import GIB
from rollout.proposal import read
from tests.fleet.lab import ROOT, at, moved, run
from tests.fleet.release_lab import OLD, PINS, Lab

CONTRACT = "pipeline_images/metagenome/pipeline.yaml"


@pytest.fixture
def lab(tmp_path: Path, access: Access) -> Lab:
    return Lab(tmp_path, access)


def ran(lab: Lab, count: int, *, digest: str = "", first: int = 0, **changes: Any) -> None:
    """Runs of 0.1 to 3 GiB that took 1,000 MiB and 600 for a GiB, and half a minute for a GiB."""
    for number in range(first, first + count):
        gib = 0.1 * (number % 30 + 1)
        one = replace(run(number), release_digest=digest or lab.digest, references=PINS, size=int(gib * GIB))
        attempt = replace(one.attempt, started=at(0), ended=at(30 + 30 * gib))
        took: dict[str, Any] = {"peak_mib": int(1000 + 600 * gib + number % 7), "attempts": (attempt,)}
        used = {"output_bytes": 5, "fragments": number + 1, "disk_mib": int(500 * gib), "cpu_s": 100}
        lab.offices.at_headquarters("eu", moved(one, "succeeded", used=used, **(took | changes)))


def test_runs_become_the_lines_that_they_call_for_and_no_other(lab: Lab) -> None:
    """A reviewer reads what changes; a comment that is lost was somebody's reason."""
    ran(lab, 60)
    before = (lab.root / CONTRACT).read_text()
    looked = lab.fleet("rightsize", "metagenome", "--json")
    assert looked.code == 0, looked.err
    assert (lab.root / CONTRACT).read_text() == before
    told = {each["figure"]: each for each in looked.json["sizes"]}
    memory = told["memoryMib"]["proposed"]
    assert memory["base"] < 2_000
    assert memory["per_gib"] >= 500
    assert lab.fleet("rightsize", "metagenome", "--write").code == 0
    after = (lab.root / CONTRACT).read_text()
    written = yaml.safe_load(after)["resources"]["memoryMib"]
    assert written == {"base": memory["base"], "perInputGib": memory["per_gib"], "max": 31000}
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(changed) == sum(each["proposed"] is not None for each in told.values())
    assert [line for line in before.splitlines() if "#" in line] == [
        line for line in after.splitlines() if "#" in line
    ]


def test_a_pull_request_shows_what_it_would_have_saved(lab: Lab) -> None:
    """Nobody merges smaller sizes on trust: waste, kills and money, before and after, and of unseen runs."""
    ran(lab, 60)
    out = lab.root / "out"
    answer = lab.fleet("rightsize", "metagenome", "--pull-request", str(out), "--json")
    assert answer.code == 0, answer.err
    made = read(out / "rightsize-metagenome.json")
    assert list(made.files) == [CONTRACT]
    assert made.branch == f"rightsize/metagenome-{short(lab)}"
    for words in ("of it not used", "out of memory", "on the bill", "expected of runs not seen"):
        assert words in made.body
    shown = answer.json["evidence"]
    assert shown["after"]["wasted_gib_h"] < shown["before"]["wasted_gib_h"] / 2
    assert shown["expected"]["out_of_memory"] <= 1
    money = shown["usd_for_1000_runs"]
    assert 0 < money["after"]["share"] < money["before"]["share"]
    assert 0 < money["after"]["bill"] <= money["before"]["bill"]


def short(lab: Lab) -> str:
    return str(lab.digest).removeprefix("sha256:")[:12]


def test_few_runs_change_nothing(lab: Lab) -> None:
    """The next sample would be killed by what five others happened not to need."""
    ran(lab, 5)
    answer = lab.fleet(
        "rightsize", "metagenome", "--write", "--pull-request", str(lab.root / "out"), "--json"
    )
    assert answer.code == 0, answer.err
    assert answer.json["files"] == []
    assert {each["proposed"] for each in answer.json["sizes"]} == {None}
    assert not (lab.root / "out").exists()


def test_runs_of_the_release_before_help_out_and_are_named(lab: Lab) -> None:
    """A new release has no history for its first days; what its forerunner took says something."""
    # us still has the release before, of the same references, and its runs count as of a release that is had.
    lab.edit("Pulumi.us.yaml", lambda text: text.replace(OLD, lab.digest))
    ran(lab, 5)
    ran(lab, 60, digest=OLD, first=100)
    answer = lab.fleet("rightsize", "metagenome", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["runs"], answer.json["runs_of_earlier_releases"]) == (65, 60)
    assert "60 runs of earlier releases" in answer.json["sizes"][0]["why"]


def test_runs_with_other_references_teach_nothing(lab: Lab) -> None:
    """The demonstration's small host says nothing of what a whole pangenome needs."""
    ran(lab, 60, references={role: (name, "1999") for role, (name, _) in PINS.items()})
    assert lab.fleet("rightsize", "metagenome", "--json").json["runs"] == 0


def test_a_pipeline_that_is_none_is_refused_in_words(lab: Lab) -> None:
    """A typing mistake must not look like a pipeline that fits."""
    answer = lab.fleet("rightsize", "metagenom")
    assert answer.code == 5
    assert "metagenome" in answer.err


def test_no_other_command_waits_for_what_fits_lines() -> None:
    """`fleet status` would take two seconds longer, each time."""
    code = "import sys, fleet.app; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_packing_tells_what_of_the_instances_was_given_and_used(lab: Lab) -> None:
    """Half of every instance may stand idle while each run's own cost looks right."""
    ran(lab, 3)
    for number in range(3):
        one = replace(run(50 + number), references=PINS)
        attempt = replace(one.attempt, started=at(0), ended=at(3600), instance="c6id.2xlarge", market="spot")
        # Two of them were neighbours; the third ran before instances told their ids.
        which = None if number == 2 else "i-0123456789abcdef0"
        attempt = replace(attempt, instance_id=which)
        used = {"output_bytes": 5, "cpu_s": 7_200}
        lab.offices.at_headquarters(
            "eu", moved(one, "succeeded", attempts=(attempt,), used=used, peak_mib=1_500)
        )
    answer = lab.fleet("packing", "eu", "--json")
    assert answer.code == 0, answer.err
    (found,) = answer.json["shares"]
    assert (found["instance"], found["jobs"], found["hours"]) == ("c6id.2xlarge", 3, 3.0)
    assert (found["vcpus_given"], found["vcpus_used"]) == (0.5, 0.25)
    (one_of_them,) = answer.json["instances"]
    assert (one_of_them["office"], one_of_them["id"]) == ("eu", "i-0123456789abcdef0")
    assert (one_of_them["jobs"], one_of_them["mean_at_once"], one_of_them["most_at_once"]) == (2, 2.0, 2)
    assert (one_of_them["vcpus_given"], one_of_them["vcpu_hours_unused"]) == (1.0, 0.0)
    assert answer.json["together"]["jobs"] == 2
    assert answer.json["left_out"] == {"without_id": 4, "without_end": 0, "without_type": 0}
    shown = lab.fleet("packing")
    assert "c6id.2xlarge spot" in shown.out
    assert "eu i-0123456789abcdef0" in shown.out
    assert "4 jobs did not say on which instance they were" in shown.err + shown.out

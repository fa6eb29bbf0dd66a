"""Which offices a change touches."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rollout.repository import changed_paths, git, tree
from rollout.touched import ELSEWHERE, PROGRAM, Tree, gone, touched

ROOT = Path(__file__).parents[2]


def configuration(account: str, **more: Any) -> dict[str, Any]:
    return {
        "aws:region": "eu-central-1",
        "aws:allowedAccountIds": [account],
        "globalbi:releases": {"metagenome": {"digest": "sha256:1"}},
        **{f"globalbi:{key}": value for key, value in more.items()},
    }


def stood(**changed: dict[str, Any] | None) -> Tree:
    offices: dict[str, Any] = {
        "hq": configuration("1", headquarters=True),
        "eu": configuration("2"),
        "us": configuration("3", releases={}),
        **changed,
    }
    present = {name: config for name, config in offices.items() if config is not None}
    return Tree(offices=present, pipelines=frozenset({"metagenome"}))


def test_a_release_in_one_office_touches_that_office_alone() -> None:
    """A promotion in Europe asks for no credentials of America."""
    after = stood(eu=configuration("2", releases={"metagenome": {"digest": "sha256:2"}}))
    assert touched(["Pulumi.eu.yaml"], stood(), after) == {"eu": ["Pulumi.eu.yaml"]}


def test_a_comment_in_a_stack_file_touches_nobody() -> None:
    assert touched(["Pulumi.eu.yaml"], stood(), stood()) == {}


def test_what_the_command_writes_anew_touches_nobody_else() -> None:
    """`pulumi stack init` puts true and false in quotes; "false" is no headquarters all the same."""
    quoted = stood(eu=configuration("2", headquarters="false"))
    plain = stood(eu=configuration("2", headquarters=False))
    assert quoted.headquarters == ("hq",)
    assert list(touched(["Pulumi.eu.yaml"], plain, quoted)) == ["eu"]
    moved = stood(eu=configuration("9", headquarters="false"))
    assert list(touched(["Pulumi.eu.yaml"], quoted, moved)) == ["eu", "hq"]
    led = stood(hq=configuration("1", headquarters="true"))
    assert led.headquarters == ("hq",)
    assert list(touched(["Pulumi.hq.yaml"], stood(), led)) == ["hq"]


def test_a_new_office_touches_headquarters_too() -> None:
    """Headquarters must let it in: its bus, its registry's and references' replication."""
    after = stood(jp=configuration("4"))
    assert list(touched(["Pulumi.jp.yaml"], stood(), after)) == ["hq", "jp"]


def test_an_office_that_is_gone_touches_headquarters_alone() -> None:
    """Nothing can be applied to an office without a file, but headquarters must no longer send to it."""
    assert list(touched(["Pulumi.us.yaml"], stood(), stood(us=None))) == ["hq"]


def test_an_offices_new_account_touches_headquarters_and_headquarters_own_everybody() -> None:
    """Names and ARNs of the others are derived from these keys."""
    assert list(touched(["Pulumi.us.yaml"], stood(), stood(us=configuration("9")))) == ["hq", "us"]
    moved = stood(hq=configuration("9", headquarters=True))
    assert list(touched(["Pulumi.hq.yaml"], stood(), moved)) == ["eu", "hq", "us"]


@pytest.mark.parametrize(
    "path", ["__main__.py", "components/queue.py", "handlers/intake.py", "cost/prices/x.json"]
)
def test_the_program_and_what_no_rule_knows_touch_every_office(path: str) -> None:
    """An office that is forgotten silently keeps the old state."""
    assert list(touched([path], stood(), stood())) == ["eu", "hq", "us"]


@pytest.mark.parametrize(
    "path",
    ["docs/gitops.md", "tests/x.py", "README.md", "pipeline_images/metagenome/Dockerfile", "twin/batch.py"],
)
def test_what_no_resource_depends_on_touches_nobody(path: str) -> None:
    """A typo in a guide does not start three previews."""
    assert touched([path], stood(), stood()) == {}


def test_a_pipelines_contract_touches_the_offices_that_release_it() -> None:
    """Memory, vCPUs and time limit of a pipeline stand in its job definition."""
    contract = "pipeline_images/metagenome/pipeline.yaml"
    assert list(touched([contract], stood(), stood())) == ["eu", "hq"]


def test_a_new_pipeline_touches_everybody() -> None:
    """Each office has a registry for each pipeline."""
    before = Tree(offices=stood().offices, pipelines=frozenset())
    assert list(touched(["pipeline_images/metagenome/pipeline.yaml"], before, stood())) == ["eu", "hq", "us"]


def test_an_office_without_its_stack_file_is_gone() -> None:
    """It is touched no more, so no preview would say a word of it."""
    before = stood()
    after = Tree(
        offices={name: each for name, each in before.offices.items() if name != "us"},
        pipelines=before.pipelines,
    )
    assert gone(before, after) == ["us"]
    assert "us" not in touched(["Pulumi.us.yaml"], before, after)
    assert gone(after, before) == gone(before, before) == []


def test_every_path_of_this_repository_has_a_rule() -> None:
    """A new folder at the top must be put on a list, or each change of it previews everywhere."""
    unknown = [
        path
        for path in git(ROOT, "ls-files").splitlines()
        if not any(
            path == each or path.startswith(each) for each in (*PROGRAM, *ELSEWHERE, "pipeline_images/")
        )
        and not path.startswith("Pulumi.")
        and not path.endswith(".md")
    ]
    assert unknown == []


def test_git_tells_what_changed_and_what_stood(tmp_path: Path) -> None:
    """A file that was moved away counts under its old name; one that is no YAML stops nothing."""

    def run(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    run("init", "-q")
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "a.py").write_text("a = 1\n" * 20)
    (tmp_path / "Pulumi.eu.yaml").write_text(yaml.safe_dump({"config": configuration("2")}))
    run("add", ".")
    run("commit", "-qm", "one")
    base = run("rev-parse", "HEAD")
    (tmp_path / "docs").mkdir()
    run("mv", "components/a.py", "docs/a.py")
    (tmp_path / "Pulumi.us.yaml").write_text("config: [")
    run("add", ".")
    run("commit", "-qm", "two")
    paths = changed_paths(tmp_path, base, "HEAD")
    assert set(paths) == {"components/a.py", "docs/a.py", "Pulumi.us.yaml"}
    assert dict(tree(tmp_path, "HEAD").offices) == {"eu": configuration("2"), "us": {}}
    assert list(touched(paths, tree(tmp_path, base), tree(tmp_path, "HEAD"))) == ["eu", "us"]

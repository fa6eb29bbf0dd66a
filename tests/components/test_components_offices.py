"""Stack files: what is wrong is said all at once, in words, before anything is created."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.faults import InvalidOffices
from components.office import NVME_FAMILIES, Office
from components.roster import Fleet
from policies.program import ROOT, Recorder, cli_config, deploy, run_program
from tests.components.conftest import Edit
from tests.three_offices import add_office
from twin.offices import offices

DIGEST = "sha256:" + "0" * 64
PINNED = dict.fromkeys(("demo-kraken2", "demo-deacon", "demo-host", "demo-sylph"), "2026.1")


def faults(root: Path) -> tuple[str, ...]:
    with pytest.raises(InvalidOffices) as refused:
        Fleet.load(root)
    return refused.value.faults


def only_fault(root: Path) -> str:
    found = faults(root)
    assert len(found) == 1, found
    return found[0]


def test_every_fault_of_every_file_is_reported_at_once(checkout: Path, edit: Edit) -> None:
    """A person mends a bad pull request in one round instead of one fault at a time."""
    edit("eu", {"globalbi:cidr": "10.20.0.0/28", "globalbi:identifiers": "secret"})
    edit("us", {"aws:region": None, "globalbi:contacts": ["nobody"]})
    assert faults(checkout) == (
        "Pulumi.eu.yaml: globalbi:cidr must be a /16 to /24 network, not '10.20.0.0/28'",
        "Pulumi.eu.yaml: globalbi:identifiers must be 'plain' or 'pseudonymous', not 'secret'",
        "Pulumi.us.yaml: aws:region is missing",
        "Pulumi.us.yaml: globalbi:contacts.0 must be an e-mail address, not 'nobody'",
    )


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        (
            {"globalbi:cidr": "10.20.0.1/16"},
            "globalbi:cidr must be a /16 to /24 network such as 10.20.0.0/16, with no host bits set, "
            "not '10.20.0.1/16'",
        ),
        (
            {"globalbi:cidr": "8.8.0.0/16"},
            "globalbi:cidr must be a private network (within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16), "
            "not '8.8.0.0/16'",
        ),
        (
            {"aws:region": "Frankfurt"},
            "aws:region must be an AWS region such as eu-central-1, not 'Frankfurt'",
        ),
        (
            {"aws:region": "eu-centrl-1"},
            "aws:region must be an AWS region (did you mean eu-central-1?), not 'eu-centrl-1'",
        ),
        (
            {"globalbi:retries": {"spot": True}},
            "globalbi:retries.spot must be a whole number, not true (YAML reads yes, no, on and off as true "
            "and false)",
        ),
        (
            {"globalbi:compute": {"max_vcpus": 8}},
            "globalbi:compute.max_vcpus is unknown; did you mean maxVcpus? (valid: instanceFamilies, "
            "maxVcpus)",
        ),
        (
            {"aws:allowedAccountIds": ["22222"]},
            "aws:allowedAccountIds.0 must be the 12 digits of an AWS account, in quotes, not '22222'",
        ),
        (
            {"globalbi:compute": {"instanceFamilies": ["c6i"]}},
            "globalbi:compute.instanceFamilies.0 must be a family with local NVMe disks "
            f"(valid: {', '.join(NVME_FAMILIES)}), not 'c6i'",
        ),
        (
            {"globalbi:compute": {"maxVcpus": 100_000}},
            "globalbi:compute.maxVcpus must be at most 10000, not 100000",
        ),
        ({"globalbi:retries": {"spot": -1}}, "globalbi:retries.spot must be at least 0, not -1"),
        (
            {"globalbi:budget": {"monthlyUsd": "much"}},
            "globalbi:budget.monthlyUsd must be a whole number, not 'much'",
        ),
        (
            {"globalbi:budget": {"monthlyUsd": 2000, "projects": {"soil": "some"}}},
            "globalbi:budget.projects.soil must be a whole number, not 'some'",
        ),
        (
            {"globalbi:budget": {"monthlyUsd": 2000, "projects": {"soil": 0}}},
            "globalbi:budget.projects.soil must be at least 1, not 0",
        ),
        (
            {"globalbi:budget": {"monthlyUsd": 2000, "warnPercent": 100}},
            "globalbi:budget.warnPercent must be at most 99, not 100",
        ),
        (
            {"globalbi:budget": {"monthlyUsd": 2000, "projects": {"metagenome/soil": 5}}},
            "globalbi:budget.projects.metagenome/soil must be a project's name as it is in uploads, without "
            "\"/\" and of at most 64 bytes, not 'metagenome/soil'",
        ),
        ({"globalbi:contacts": []}, "globalbi:contacts must have at least 1 entries, not []"),
        (
            {"globalbi:cdir": "10.20.0.0/16"},
            "globalbi:cdir is unknown; did you mean globalbi:cidr? (valid: aws:allowedAccountIds, "
            "aws:profile, aws:region, globalbi:budget, globalbi:cidr, globalbi:cohorts, globalbi:compute, "
            "globalbi:contacts, globalbi:deliveries, globalbi:headquarters, globalbi:identifiers, "
            "globalbi:mayLeave, globalbi:notifications, globalbi:partners, globalbi:releases, "
            "globalbi:retention, globalbi:retries)",
        ),
        (
            {"globalbi:notifications": {"soil": {}}},
            "globalbi:notifications.soil must name someone: emails: [name@example.org], chat: a webhook's"
            " name, or both, not {}",
        ),
        (
            {"globalbi:notifications": {"soil": {"emails": ["ops"]}}},
            "globalbi:notifications.soil.emails.0 must be an e-mail address, not 'ops'",
        ),
        (
            {"globalbi:notifications": {"soil": {"mails": ["a@example.org"], "chat": "lab"}}},
            "globalbi:notifications.soil.mails is unknown; did you mean emails? (valid: chat, emails)",
        ),
        (
            {"globalbi:notifications": {"soil": {"chat": "https://hooks.example.org/T0/secret"}}},
            "globalbi:notifications.soil.chat must be a short name (lower-case letters, digits, -), under"
            " which the webhook's address is kept in the account's parameters; never the address itself,"
            " which is a secret, not 'https://hooks.example.org/T0/secret'",
        ),
        (
            {"globalbi:compute": {"maxVcpu": 8}},
            "globalbi:compute.maxVcpu is unknown; did you mean maxVcpus? (valid: instanceFamilies, maxVcpus)",
        ),
    ],
)
def test_a_fault_names_file_key_rule_and_value(
    checkout: Path, edit: Edit, keys: dict[str, Any], fault: str
) -> None:
    """Who reads the message knows what to write instead without reading code."""
    edit("eu", keys)
    assert only_fault(checkout) == f"Pulumi.eu.yaml: {fault}"


@pytest.mark.parametrize(
    ("release", "fault"),
    [
        (
            {"digest": "latest", "references": PINNED},
            ".digest must be an image digest, sha256: and 64 hex digits (a tag can move), not 'latest'",
        ),
        (
            {"digest": DIGEST, "references": PINNED | {"demo-kraken2": "latest"}},
            '.references.demo-kraken2 must pin one version such as "2026.1" (letters, digits, . _ -; '
            "never latest), not 'latest'",
        ),
        (
            {"digest": DIGEST, "references": {n: v for n, v in PINNED.items() if n != "demo-host"}},
            '.references.demo-host is missing: pin its version, demo-host: "2026.1"',
        ),
        (
            {"digest": DIGEST, "references": PINNED | {"silva": "138"}},
            ".references.silva is no reference of metagenome (valid: demo-deacon, demo-host, demo-kraken2, "
            "demo-sylph)",
        ),
    ],
)
def test_a_release_is_pinned_or_refused(
    checkout: Path, edit: Edit, release: dict[str, Any], fault: str
) -> None:
    """A result can be traced to the very image and databases that made it, whatever moved since."""
    edit("eu", {"globalbi:releases": {"metagenome": release}})
    assert only_fault(checkout) == f"Pulumi.eu.yaml: globalbi:releases.metagenome{fault}"


def test_an_unknown_pipeline_is_refused(checkout: Path, edit: Edit) -> None:
    """A misspelt pipeline would leave a branch's uploads without an analysis."""
    edit("eu", {"globalbi:releases": {"metagenom": {"digest": DIGEST}}})
    fault = only_fault(checkout)
    assert fault.startswith("Pulumi.eu.yaml: globalbi:releases.metagenom must be a pipeline (valid: ")
    assert "metagenome" in fault


def test_offices_may_not_share_an_account(checkout: Path, edit: Edit) -> None:
    """Two offices in one account would own the same names and see each other's samples."""
    edit("us", {"aws:allowedAccountIds": ["222222222222"]})
    assert only_fault(checkout) == (
        "Pulumi.eu.yaml and Pulumi.us.yaml: aws:allowedAccountIds must be an account of the office's own, "
        "not '222222222222' for 2 offices"
    )


def test_networks_may_not_overlap(checkout: Path, edit: Edit) -> None:
    """Overlapping networks can never be connected."""
    edit("us", {"globalbi:cidr": "10.20.128.0/20"})
    assert only_fault(checkout) == (
        "Pulumi.eu.yaml and Pulumi.us.yaml: globalbi:cidr must not overlap another office's, "
        "not '10.20.0.0/16' and '10.20.128.0/20'"
    )


@pytest.mark.parametrize(
    ("office", "leads", "fault"),
    [
        ("hq", False, "Pulumi.*.yaml: globalbi:headquarters must be true in exactly one office, not in none"),
        (
            "eu",
            True,
            "Pulumi.eu.yaml and Pulumi.hq.yaml: globalbi:headquarters must be true in exactly one office, "
            "not in 2",
        ),
    ],
)
def test_exactly_one_office_is_headquarters(
    checkout: Path, edit: Edit, office: str, leads: bool, fault: str
) -> None:
    """Without headquarters no office's runs are seen; with two, each sees half."""
    edit(office, {"globalbi:headquarters": leads})
    assert only_fault(checkout) == fault


def test_the_command_may_put_true_and_false_in_quotes(checkout: Path, edit: Edit) -> None:
    """`pulumi stack init` writes a stack file anew, and does; no office could else be deployed after it."""
    edit("eu", {"globalbi:headquarters": "false"})
    edit("us", {"globalbi:headquarters": "false"})
    edit("hq", {"globalbi:headquarters": "true"})
    fleet = Fleet.load(checkout)
    assert fleet.headquarters.name == "hq"
    assert [office.name for office in fleet.branches] == ["eu", "us"]
    assert [office.name for office in offices(checkout) if office.headquarters] == ["hq"]  # the twin's
    # Quoted or not, there is one headquarters, also where another slip leaves the file faulty.
    edit("eu", {"globalbi:headquarters": "true", "globalbi:contacts": ["nobody"]})
    assert faults(checkout)[1].startswith("Pulumi.eu.yaml and Pulumi.hq.yaml: globalbi:headquarters must be")
    edit("eu", {"globalbi:headquarters": "yes", "globalbi:contacts": ["ops@example.org"]})
    assert only_fault(checkout) == "Pulumi.eu.yaml: globalbi:headquarters must be true or false, not 'yes'"


def test_a_delivery_names_a_partner_and_a_release(checkout: Path, edit: Edit) -> None:
    """A delivery to nobody would be a promise that nobody keeps."""
    delivery = {"partner": "acme", "pipeline": "amplicon", "project": "p1"}
    edit("eu", {"globalbi:deliveries": [delivery]})
    assert faults(checkout) == (
        "Pulumi.eu.yaml: globalbi:deliveries.0.partner must be a partner (valid: none), not 'acme'",
        "Pulumi.eu.yaml: globalbi:deliveries.0.pipeline must be released (valid: cohort, metagenome), not"
        " 'amplicon'",
    )


def test_a_stray_key_of_the_file_itself_is_refused(checkout: Path) -> None:
    """A setting beside `config` would silently do nothing."""
    path = checkout / "Pulumi.eu.yaml"
    path.write_text(path.read_text() + "\nconfigs: {}\n")
    assert only_fault(checkout).startswith("Pulumi.eu.yaml: configs is unknown; did you mean config?")


def test_broken_yaml_and_bad_names_are_named(checkout: Path) -> None:
    """A typing error is reported with its file and place, not as a traceback."""
    (checkout / "Pulumi.eu.yaml").write_text("config: [")
    (checkout / "Pulumi.J P.yaml").write_text("config: {}")
    found = faults(checkout)
    assert found[0].startswith("Pulumi.J P.yaml: its middle must be 2 to 12 lower-case letters or digits")
    assert found[1].startswith("Pulumi.eu.yaml: is not YAML: ")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            'aws:allowedAccountIds: ["222222222222"]',
            "aws:allowedAccountIds: [044444444444]",
            'aws:allowedAccountIds.0 must be text, not a number: put it in quotes, "044444444444"',
        ),
        (
            'aws:allowedAccountIds: ["222222222222"]',
            "aws:allowedAccountIds: 444444444444",
            'aws:allowedAccountIds must be a list: ["444444444444"]',
        ),
        (
            'demo-host: "2026.1"',
            "demo-host: 2026.10",
            "globalbi:releases.metagenome.references.demo-host must be text, not a number: put it in quotes, "
            '"2026.10"',
        ),
        (
            "  aws:region: eu-central-1",
            "  region: eu-central-1",
            "is unknown; did you mean aws:region?",
        ),
        (
            "    spot: 3",
            "    spot: 3\n    spot: 4",
            "line {after}: spot is there twice, first in line {line}",
        ),
        ("    spot: 3", "\t\tspot: 3", "is not YAML: line {line}: holds a tab where YAML wants spaces"),
        ("    spot: 3", "    spot: yes", "retries.spot must be a whole number, not true"),
    ],
)
def test_what_yaml_makes_of_a_slip_is_told_as_it_was_written(
    checkout: Path, old: str, new: str, fault: str
) -> None:
    """A forgotten quote or a stray tab is mended at once, not puzzled over in YAML's own words."""
    path = checkout / "Pulumi.eu.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    told = fault.replace("{line}", str(line)).replace("{after}", str(line + 1))
    found = faults(checkout)
    assert all(each.startswith("Pulumi.eu.yaml: ") for each in found)
    assert any(told in each for each in found), found


def test_an_empty_file_is_told_so(checkout: Path) -> None:
    """A file that was created but not yet written has a name in the message."""
    (checkout / "Pulumi.eu.yaml").write_text("")
    assert only_fault(checkout) == "Pulumi.eu.yaml: is empty"


def test_a_faulty_file_is_still_compared_with_the_others(checkout: Path, edit: Edit) -> None:
    """A person mends the clash in the same round as the slip beside it."""
    edit(
        "us",
        {
            "globalbi:contacts": ["nobody"],
            "globalbi:headquarters": True,
            "globalbi:cidr": "10.20.0.0/16",
            "aws:allowedAccountIds": ["222222222222"],
        },
    )
    found = faults(checkout)
    assert found[0] == "Pulumi.us.yaml: globalbi:contacts.0 must be an e-mail address, not 'nobody'"
    assert [each.split(" must ")[0] for each in found[1:]] == [
        "Pulumi.hq.yaml and Pulumi.us.yaml: globalbi:headquarters",
        "Pulumi.eu.yaml and Pulumi.us.yaml: aws:allowedAccountIds",
        "Pulumi.eu.yaml and Pulumi.us.yaml: globalbi:cidr",
    ]


def checked(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "components.office"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_check_of_all_files_prints_each_office_or_each_fault(checkout: Path, edit: Edit) -> None:
    """Who adds an office checks its file before a pull request: silence would pass for consent."""
    right = checked(checkout)
    assert right.returncode == 0
    *offices, last = right.stdout.splitlines()
    assert [line.split(":")[0] for line in offices] == ["Pulumi.eu.yaml", "Pulumi.hq.yaml", "Pulumi.us.yaml"]
    # Who stopped here would hear of a delivery that has no such line from the pull request alone.
    assert "mayLeave" in last
    assert "`make residency`" in last
    edit("eu", {"globalbi:contacts": ["nobody"], "globalbi:cidr": "10.30.0.0/16"})
    wrong = checked(checkout)
    assert wrong.returncode == 1
    assert len(wrong.stdout.splitlines()) == 2
    assert "Traceback" not in wrong.stderr


def test_a_fourth_office_is_one_file(checkout: Path, priced: Callable[..., None]) -> None:
    """An office in Japan opens by adding its file: it deploys, and headquarters counts it in."""
    priced("ap-northeast-1")
    add_office(checkout, "jp", account="444444444444", region="ap-northeast-1", cidr="10.40.0.0/16")

    stack = deploy("jp", checkout)
    assert stack.outputs["uploads_bucket"] == "globalbi-jp-uploads-444444444444"
    hq = deploy("hq", checkout)
    policy = hq.named("globalbi-fleet-bus-policy").json("policy")
    assert "arn:aws:iam::444444444444:root" in policy["Statement"][0]["Principal"]["AWS"]
    rules = hq.named("globalbi-headquarters-references-rules").inputs["rules"]
    assert "arn:aws:s3:::globalbi-jp-references-444444444444" in [
        rule["destination"]["bucket"] for rule in rules
    ]
    images = hq.named("globalbi-headquarters-images").inputs["replicationConfiguration"]["rules"][0]
    assert {"region": "ap-northeast-1", "registryId": "444444444444"} in images["destinations"]


@pytest.mark.parametrize(
    ("account", "region", "fault"),
    [
        ("333333333333", None, "aws:allowedAccountIds is 222222222222, but the credentials in use are of"),
        (None, "us-east-1", "aws:region is eu-central-1, but the credentials in use are of region us-east-1"),
    ],
)
def test_foreign_credentials_are_refused_before_anything_exists(
    checkout: Path, account: str | None, region: str | None, fault: str
) -> None:
    """Applying eu's file with us's credentials must not build a European office in America."""

    recorder = Recorder(account=account or "222222222222", region=region or "eu-central-1")
    with pytest.raises(pulumi.RunError, match=fault):
        run_program("eu", checkout, recorder)
    assert recorder.declared == []
    assert recorder.components == []


def test_a_stack_without_a_file_is_refused(checkout: Path) -> None:
    """A stack made by a typing error (`pulumi up -s ue`) builds nothing."""
    (checkout / "Pulumi.eu.yaml").rename(checkout / "saved")
    recorder = Recorder(account="222222222222", region="eu-central-1")
    with pytest.raises(pulumi.RunError, match=r"there is no office 'eu' \(valid: hq, us\)"):
        run_program("eu", checkout, recorder, config=cli_config(checkout / "saved"))
    assert recorder.declared == []


def test_configuration_given_at_run_time_is_checked_too(checkout: Path) -> None:
    """`pulumi up -c` cannot bring in what the file's check would refuse."""

    config = {**cli_config(checkout / "Pulumi.eu.yaml"), "globalbi:cidr": "10.10.0.0/16"}
    recorder = Recorder(account="222222222222", region="eu-central-1")
    with pytest.raises(pulumi.RunError, match="must not overlap another office's"):
        run_program("eu", checkout, recorder, config=config)


def test_the_offices_of_the_repository_are_right() -> None:
    """What is merged can be applied."""
    fleet = Fleet.load(ROOT)
    assert fleet.headquarters in fleet.offices
    assert list(fleet.faults()) == []


def test_an_office_without_prices_is_told_how_to_get_them(
    checkout: Path, edit: Edit, priced: Callable[..., None]
) -> None:
    """Its runs would have no cost and its projects no budget, and nobody would know before they ran."""
    priced()
    edit("eu", {"aws:region": "ap-northeast-1"})
    assert only_fault(checkout) == (
        "Pulumi.eu.yaml: aws:region must be a region of the price book (valid: ap-northeast-2, eu-central-1, "
        "us-east-1), not 'ap-northeast-1': ask AWS for its prices by `.venv/bin/python -m cost refresh` "
        "(needs pricing:GetProducts and ec2:DescribeSpotPriceHistory)"
    )
    # Whoever asks for prices is not refused for having none.
    assert Fleet.load(checkout, priced=False).office("eu").region == "ap-northeast-1"
    priced("ap-northeast-1")
    assert Fleet.load(checkout).office("eu").region == "ap-northeast-1"


def test_a_family_without_prices_is_refused(checkout: Path, edit: Edit, priced: Callable[..., None]) -> None:
    """What runs on it would cost nothing that anybody knows."""
    priced()
    edit("eu", {"globalbi:compute": {"instanceFamilies": ["c6id", "i7ie"]}})
    assert only_fault(checkout).startswith(
        "Pulumi.eu.yaml: globalbi:compute.instanceFamilies.1 must be a family that the price book has in "
        "eu-central-1, not 'i7ie': ask AWS for its prices by "
    )


def test_retries_left_out_keep_their_defaults(checkout: Path, edit: Edit) -> None:
    """An office that changes one budget does not lose the others."""
    edit("eu", {"globalbi:retries": {"spot": 7}})
    retries = Office.from_file(checkout / "Pulumi.eu.yaml").settings.retries
    assert (retries.spot, retries.throttling) == (7, 5)


def test_the_project_declares_the_types_that_pulumi_knows() -> None:
    """Another type in Pulumi.yaml stops every `pulumi up` before the program starts."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    for key, schema in declared.items():
        assert schema["type"] in ("string", "integer", "boolean", "array"), key
        assert schema["description"], key
        assert ("items" in schema) == (schema["type"] == "array"), key


def test_a_damaged_pipeline_contract_is_named(checkout: Path) -> None:
    """A pipeline whose contract cannot be read must not vanish from the offices that run it."""
    path = next(checkout.glob("pipeline_images/metagenome/pipeline.yaml"))
    contract = yaml.safe_load(path.read_text())
    del contract["resources"]["vcpus"]
    contract["timeLimitMinuts"] = contract.pop("timeLimitMinutes")
    path.write_text(yaml.safe_dump(contract))
    found = faults(checkout)
    file = "pipeline_images/metagenome/pipeline.yaml"
    assert f"{file}: resources.vcpus is missing" in found
    assert f"{file}: timeLimitMinutes is missing" in found
    assert any(
        f"{file}: timeLimitMinuts is unknown; did you mean timeLimitMinutes?" in each for each in found
    )
    shutil.rmtree(path.parent)


def test_no_chain_of_pipelines_leads_back_to_its_beginning(checkout: Path) -> None:
    """Two pipelines that follow each other would start each other's jobs for ever, all of them paid."""
    first = checkout / "pipeline_images" / "metagenome" / "pipeline.yaml"
    contract = yaml.safe_load(first.read_text())
    for name, after in (("metagenome", "second"), ("second", "metagenome")):
        path = checkout / "pipeline_images" / name / "pipeline.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({**contract, "name": name, "after": after}))
    found = faults(checkout)
    for name in ("metagenome", "second"):
        file = f"pipeline_images/{name}/pipeline.yaml"
        assert any(
            each.startswith(f"{file}: after must be a pipeline that follows no other") for each in found
        )

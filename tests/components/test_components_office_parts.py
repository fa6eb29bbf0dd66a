"""What each part of an office promises, read from what the program declares."""

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.compute import USER_DATA
from components.function import _fitting
from components.names import physical, shortened
from components.permission import Permission, inline_policy
from handlers.census import COUNT, PART
from handlers.context import office_of
from handlers.notify import DETAIL_TYPE, SOURCE
from policies.program import Declared, Stack, deploy
from tests.components.conftest import FLEET, OFFICES, Edit

ROOT = Path(__file__).resolve().parent.parent.parent

OTHER_DIGEST = "sha256:" + "ab" * 32


def policy_of(stack: Stack, name: str, kind: str = "rolePolicy") -> dict[str, dict[str, Any]]:
    return {each["Sid"]: each for each in stack.named(name, kind).json("policy")["Statement"]}


# --- releases


def changed(before: Stack, after: Stack) -> list[str]:
    def by_name(stack: Stack) -> dict[str, str]:
        return {
            f"{each.kind} {each.name}": json.dumps(each.inputs, sort_keys=True, default=lambda value: "code")
            for each in stack.recorder.declared
        }

    old, new = by_name(before), by_name(after)
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def test_a_new_digest_changes_the_job_definition_and_what_names_it_only(
    examples: dict[str, Stack], checkout: Path, edit: Edit
) -> None:
    """Releasing a pipeline must not touch network, queues or buckets while samples run."""
    config = yaml.safe_load((checkout / "Pulumi.eu.yaml").read_text())["config"]
    releases = config["globalbi:releases"]
    releases["metagenome"]["digest"] = OTHER_DIGEST
    edit("eu", {"globalbi:releases": releases})
    after = deploy("eu", checkout)
    assert changed(examples["eu"], after) == [
        "aws:batch/jobDefinition:JobDefinition globalbi-eu-metagenome",
        "aws:lambda/function:Function globalbi-eu-desk",
        "aws:lambda/function:Function globalbi-eu-intake",
        "aws:lambda/function:Function globalbi-eu-progress",
        "aws:lambda/function:Function globalbi-eu-reconcile",
    ]
    assert changed(examples["us"], deploy("us", checkout)) == []
    assert changed(examples["hq"], deploy("hq", checkout)) == []


def test_functions_read_what_the_program_writes(examples: dict[str, Stack]) -> None:
    """Infrastructure and code agree on every variable: a missing one fails each upload at run time."""
    stack = examples["eu"]
    for function in ("intake", "progress", "reconcile"):
        variables = stack.named(f"globalbi-eu-{function}", "lambda/function:").inputs["environment"][
            "variables"
        ]
        office = office_of(variables)
        assert office.name == "eu"
        assert office.uploads == stack.outputs["uploads_bucket"]
        assert stack.outputs["job_log_group"] == "/globalbi/eu/jobs"
        assert office.job_queue == stack.outputs["job_queues"]["spot"]
        assert office.on_demand_job_queue == stack.outputs["job_queues"]["on_demand"]
        release = office.releases["metagenome"]
        assert release.job_definition == stack.outputs["job_definitions"]["metagenome"]
        assert release.references["kraken2"] == ("demo-kraken2", "2026.1")


def test_every_handler_that_is_named_exists(examples: dict[str, Stack]) -> None:
    """A function whose entry point is misspelt is found by its first event, and loses it."""
    for function in examples["hq"].of("aws:lambda/function:Function"):
        module, entry = function.inputs["handler"].rsplit(".", 1)
        files = function.inputs["code"].assets
        path = f"{module.replace('.', '/')}.py"
        assert path in files, function.name
        assert f"def {entry}(" in Path(path).read_text(), function.name
        assert not [file for file in files if "__pycache__" in file]


def test_too_many_releases_for_lambda_are_refused_in_words() -> None:
    """Lambda's own message on its 4 KB says nothing of releases."""
    with pytest.raises(ValueError, match="intake: the environment must be at most 4096 bytes, not 5008"):
        _fitting("intake", {"RELEASES": "x" * 5000})
    assert _fitting("intake", {"RELEASES": "x" * 4088}) == {"RELEASES": "x" * 4088}


# --- compute


def test_spot_comes_first_and_on_demand_is_the_fallback(examples: dict[str, Stack]) -> None:
    """Spot costs a third; without a fallback a sample waits for ever when there is none."""
    stack = examples["eu"]
    environments = {
        f"arn:aws:batch:eu-central-1:222222222222:computeEnvironment/{each.name}": each.inputs[
            "computeResources"
        ]
        for each in stack.of("aws:batch/computeEnvironment:ComputeEnvironment")
    }

    def order(queue: str) -> list[tuple[str, str]]:
        orders = stack.named(f"globalbi-eu-{queue}-queue", "jobQueue").inputs["computeEnvironmentOrders"]
        resources = [
            environments[each["computeEnvironment"]] for each in sorted(orders, key=lambda o: o["order"])
        ]
        return [(each["type"], each["allocationStrategy"]) for each in resources]

    spot, on_demand = ("SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED"), ("EC2", "BEST_FIT_PROGRESSIVE")
    assert order("spot") == [spot, on_demand]
    assert order("on-demand") == [on_demand]
    for resources in environments.values():
        assert resources["minVcpus"] == 0
        assert resources["maxVcpus"] == 256
        assert resources["instanceTypes"] == ["c6id", "m6id", "r6id"]
        # A new version of the template must be a change of the environment.
        assert resources["launchTemplate"]["version"] == "1"


def test_a_job_that_fits_no_instance_does_not_block_the_queue(examples: dict[str, Stack]) -> None:
    """Only the head of a queue is looked at: a hopeless job there holds up every sample behind it."""
    for queue in examples["eu"].of("aws:batch/jobQueue:JobQueue"):
        actions = {each["reason"]: each for each in queue.inputs["jobStateTimeLimitActions"]}
        hopeless = actions["MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"]
        assert (hopeless["state"], hopeless["action"]) == ("RUNNABLE", "CANCEL")
        assert 600 <= hopeless["maxTimeSeconds"] <= 86_400


def test_instances_are_locked_down(examples: dict[str, Stack]) -> None:
    """A job that can reach the metadata service from a bridged container has the instance's role."""
    template = examples["eu"].named("globalbi-eu-instance", "launchTemplate").inputs
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert template["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    assert "keyName" not in template, "nobody signs in by SSH"
    message = base64.b64decode(template["userData"]).decode()
    assert message.startswith("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=")
    assert USER_DATA.read_text().rstrip() in message
    assert message.isascii()


def first_script(folder: Path, disks: list[str], **changed: str) -> list[str]:
    """What the instance's first script does where nothing but awk and cat is real; `changed` are commands."""
    log, listing = folder / "log", folder / "rows"
    rows = ["/dev/nvme0n1 Amazon Elastic Block Store"]
    rows += [f"/dev/{disk} Amazon EC2 NVMe Instance Storage" for disk in disks]
    listing.write_text("\n".join(rows) + "\n")
    commands = {
        "iptables": f'echo "iptables $*" >> {log}',
        "lsblk": f"cat {listing}",
        "mkfs.xfs": f'echo "mkfs ${{@: -1}}" >> {log}',
        "mount": f'echo "mount ${{@: -1}}" >> {log}',
        "mkdir": "true",
        "chmod": f'echo "chmod $1" >> {log}',
        "shutdown": f"echo shutdown >> {log}",
        "dnf": "false",
        "curl": "exit 22",  # no metadata service: scratch is made all the same
        **changed,
    }
    for name, body in commands.items():
        (folder / name).write_text(f"#!/bin/bash\n{body}\n")
        (folder / name).chmod(0o755)
    (folder / "awk").symlink_to("/usr/bin/awk")
    (folder / "cat").symlink_to("/bin/cat")
    subprocess.run(["/bin/bash", str(USER_DATA)], env={"PATH": str(folder)}, check=False, capture_output=True)
    return log.read_text().splitlines()


@pytest.mark.parametrize(
    ("disks", "mdadm", "made"),
    [
        (["nvme1n1"], True, "mkfs /dev/nvme1n1"),
        (["nvme1n1", "nvme2n1"], True, "mkfs /dev/md0"),
        (["nvme1n1", "nvme2n1"], False, "mkfs /dev/nvme1n1"),
        ([], True, "shutdown"),
    ],
)
def test_scratch_is_made_of_the_instance_disks(
    tmp_path: Path, disks: list[str], mdadm: bool, made: str
) -> None:
    """Without scratch an instance fills its root volume; it must go away instead of taking jobs."""
    done = first_script(tmp_path, disks, **({"mdadm": "true"} if mdadm else {}))
    assert done[1] == made
    assert done[2:] == ([] if made == "shutdown" else ["mount /scratch", "chmod 1777"])


def test_jobs_are_kept_from_the_instances_role(tmp_path: Path) -> None:
    """Jobs share the host's network: a compromised image would act as the instance."""
    [rule, *_] = first_script(tmp_path, ["nvme1n1"])
    assert rule == (
        "iptables --insert OUTPUT --destination 169.254.169.254 --match owner ! --uid-owner 0 --jump REJECT"
    )


def test_an_instance_that_cannot_keep_its_role_to_itself_takes_no_job(tmp_path: Path) -> None:
    """A rule that was not made would be missed by nobody."""
    assert first_script(tmp_path, ["nvme1n1"], iptables=f"echo no >> {tmp_path / 'log'}; exit 1") == [
        "no",
        "shutdown",
    ]


def test_jobs_have_the_user_of_the_runners_image(examples: dict[str, Stack]) -> None:
    """Another one could not write to the image's folders, and root would pass as the container agent."""
    image = (ROOT / "pipeline_images" / "runner" / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\S+)$", image, re.MULTILINE)
    for each in examples["eu"].of("aws:batch/jobDefinition:JobDefinition"):
        assert each.json("containerProperties")["user"] == user


def test_a_job_may_touch_its_own_pipelines_data_only(examples: dict[str, Stack]) -> None:
    """A pipeline gone wrong must not overwrite another's results, nor read the ledger."""
    stack = examples["eu"]
    may = policy_of(stack, "globalbi-eu-metagenome-job")
    assert may["WriteResults"]["Resource"] == ["arn:aws:s3:::globalbi-eu-results-222222222222/metagenome/*"]
    assert may["ReadVersionsOfUploads"]["Resource"] == [
        "arn:aws:s3:::globalbi-eu-uploads-222222222222/metagenome/*"
    ]
    assert may["HoldLease"]["Action"] == ["dynamodb:UpdateItem"]
    actions = {action for each in may.values() for action in each["Action"]}
    assert not {action for action in actions if "Delete" in action}


def test_a_job_knows_its_region_and_its_scratch(examples: dict[str, Stack]) -> None:
    """On EC2 nobody else tells a container where it is."""
    container = examples["eu"].named("globalbi-eu-metagenome", "jobDefinition").json("containerProperties")
    assert {"name": "AWS_REGION", "value": "eu-central-1"} in container["environment"]
    assert container["volumes"] == [{"name": "scratch", "host": {"sourcePath": "/scratch"}}]
    assert container["mountPoints"][0]["containerPath"] == "/scratch"
    assert container["command"] == ["job"]


# --- network


def test_instances_reach_what_batch_needs_and_no_more(examples: dict[str, Stack]) -> None:
    """One endpoint missing and no job ever starts; one too many is paid for every hour."""
    endpoints = {
        each.inputs["serviceName"].removeprefix("com.amazonaws.eu-central-1."): each.inputs["vpcEndpointType"]
        for each in examples["eu"].of("aws:ec2/vpcEndpoint:VpcEndpoint")
    }
    assert endpoints == {
        **dict.fromkeys(("s3", "dynamodb"), "Gateway"),
        **dict.fromkeys(("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs"), "Interface"),
    }


def test_the_default_security_group_is_empty(examples: dict[str, Stack]) -> None:
    """What forgets to name its group must reach nothing."""
    group = examples["eu"].named("globalbi-eu-network-default").inputs
    assert group["ingress"] == []
    assert group["egress"] == []


# --- buckets and access


def test_only_uploads_announce_objects(examples: dict[str, Stack]) -> None:
    """Events of the results bucket would start intake on its own answers."""
    buckets = {
        each.inputs["bucket"] for each in examples["eu"].of("aws:s3/bucketNotification:BucketNotification")
    }
    assert buckets == {"globalbi-eu-uploads-222222222222"}
    pattern = examples["eu"].named("globalbi-eu-intake-route", "eventRule").json("eventPattern")
    assert pattern["detail"] == {"bucket": {"name": ["globalbi-eu-uploads-222222222222"]}}


def test_branch_staff_may_upload_inputs_and_read_results(examples: dict[str, Stack]) -> None:
    """A branch can neither replace results nor look into another's uploads."""
    stack = examples["eu"]
    may = policy_of(stack, "globalbi-eu-branch-may")
    assert may["UploadInput"]["Resource"] == [
        f"arn:aws:s3:::globalbi-eu-uploads-222222222222/{pipeline}/*/input.tar"
        for pipeline in ("cohort", "metagenome")
    ]
    writing = {sid for sid, each in may.items() for action in each["Action"] if "Put" in action}
    assert writing == {"UploadInput"}
    assert set(may) == {"UploadInput", "ReadResults", "ListResults", "UseOfficeKey"}
    trust = stack.named("globalbi-eu-branch", "iam/role:").json("assumeRolePolicy")
    assert trust["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::222222222222:root"}


def test_headquarters_may_add_references_and_nothing_else(examples: dict[str, Stack]) -> None:
    """Headquarters' account must not be able to read a branch's samples."""
    stack = examples["eu"]
    for each in stack.of("aws:s3/bucketPolicy:BucketPolicy"):
        allowed = [s for s in each.json("policy")["Statement"] if s["Effect"] == "Allow"]
        if "references" not in each.name:
            assert allowed == [], each.name
            continue
        assert len(allowed) == 2
        for statement in allowed:
            assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
            assert statement["Condition"]["ArnEquals"] == {
                "aws:PrincipalArn": "arn:aws:iam::111111111111:role/globalbi-references-replication"
            }
            assert not {action for action in statement["Action"] if "GetObject" in action}


# --- headquarters


def test_replication_reaches_every_branch_under_its_own_key(examples: dict[str, Stack]) -> None:
    """A reference that an office pins must be in its region, and readable there."""
    rules = examples["hq"].named("globalbi-headquarters-references-rules").inputs["rules"]
    assert {
        (rule["destination"]["account"], rule["destination"]["encryptionConfiguration"]["replicaKmsKeyId"])
        for rule in rules
    } == {
        ("222222222222", "arn:aws:kms:eu-central-1:222222222222:alias/globalbi-eu"),
        ("333333333333", "arn:aws:kms:us-east-1:333333333333:alias/globalbi-us"),
    }
    assert len({rule["priority"] for rule in rules}) == len(rules)
    key = {
        s["Sid"]: s for s in examples["eu"].named("globalbi-eu-key", "kms/key").json("policy")["Statement"]
    }
    condition = key["HeadquartersReplicatesReferences"]["Condition"]
    role = examples["hq"].named("globalbi-headquarters-references", "iam/role:").inputs["name"]
    assert condition["ArnEquals"]["aws:PrincipalArn"].endswith(f"role/{role}")


def test_the_fleet_bus_takes_the_offices_events_and_nobody_elses(examples: dict[str, Stack]) -> None:
    """Anyone else could write runs into headquarters' table."""
    statement = examples["hq"].named("globalbi-fleet-bus-policy").json("policy")["Statement"]
    accounts = ["111111111111", "222222222222", "333333333333"]
    assert [each["Action"] for each in statement] == ["events:PutEvents"]
    assert statement[0]["Principal"] == {"AWS": [f"arn:aws:iam::{each}:root" for each in accounts]}
    pattern = examples["hq"].named("globalbi-fleet-route", "eventRule").json("eventPattern")
    assert pattern == {"source": [SOURCE], "detail-type": [DETAIL_TYPE, PART, COUNT], "account": accounts}


@pytest.mark.parametrize("office", OFFICES)
def test_each_office_forwards_to_headquarters_bus(stacks: dict[str, Stack], office: str) -> None:
    """An office whose events go elsewhere is missing from the fleet."""
    stack = stacks[office]
    leads = FLEET.headquarters
    bus = stacks[leads.name].named("globalbi-fleet-bus", "eventBus:").inputs["name"]
    target = stack.named(f"globalbi-{office}-to-headquarters-bus").inputs
    assert target["arn"] == f"arn:aws:events:{leads.region}:{leads.account}:event-bus/{bus}"
    may = policy_of(stack, f"globalbi-{office}-to-headquarters-may")
    assert may["SendToHeadquarters"]["Resource"] == [target["arn"]]


def test_only_headquarters_has_the_fleets_home(examples: dict[str, Stack]) -> None:
    """A second fleet table would split what headquarters sees."""

    def fleets(stack: Stack) -> list[Declared]:
        return [each for each in stack.recorder.declared if each.inputs.get("name") == "globalbi-fleet"]

    assert len(fleets(examples["hq"])) == 3  # bus, rule and table
    assert fleets(examples["eu"]) == []
    assert examples["hq"].outputs["fleet_table"] == "globalbi-fleet"
    assert "fleet_table" not in examples["eu"].outputs


def test_progress_hears_of_the_offices_own_queues(examples: dict[str, Stack]) -> None:
    """A job whose end nobody hears leaves its sample running for ever."""
    stack = examples["us"]
    pattern = stack.named("globalbi-us-progress-route", "eventRule").json("eventPattern")
    assert sorted(pattern["detail"]["jobQueue"]) == sorted(stack.outputs["job_queues"].values())
    assert set(pattern["detail-type"]) == {"Batch Job State Change", "Batch Job Queue Blocked"}


def test_functions_may_submit_to_their_own_queues_only(examples: dict[str, Stack]) -> None:
    """A function of one office must not start jobs of anybody else."""
    stack = examples["eu"]
    for function in ("intake", "progress", "reconcile"):
        may = policy_of(stack, f"globalbi-eu-{function}-may")
        assert may["SubmitJobs"]["Resource"] == [
            "arn:aws:batch:eu-central-1:222222222222:job-definition/globalbi-eu-*",
            stack.outputs["job_queues"]["spot"],
            stack.outputs["job_queues"]["on_demand"],
        ]
        assert "dynamodb:DeleteItem" not in may["ClaimAndFollowRuns"]["Action"]


# --- names and permissions


def test_long_names_stay_apart_and_stay_the_same() -> None:
    """Two long names cut to the same start would be one resource."""
    one, other = physical("eu", "a" * 80), physical("eu", "a" * 79 + "b")
    assert len(one) == len(other) == 64
    assert one != other
    assert one == physical("eu", "a" * 80)
    assert shortened("short", 64) == "short"


def test_two_permissions_may_not_share_a_name() -> None:
    """Under one sid the second permission would be lost without a word."""
    read = Permission(sid="Read", actions=("s3:GetObject",), resources=["arn:aws:s3:::one/*"])
    other = Permission(sid="Read", actions=("s3:GetObject",), resources=["arn:aws:s3:::two/*"])
    with pytest.raises(ValueError, match="two permissions are called Read"):
        inline_policy([read, other])

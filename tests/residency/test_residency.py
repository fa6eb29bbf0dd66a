"""Nothing leaves an office by a way that its file does not name; each planted leak is found."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.roster import Fleet
from policies.declared import UNKNOWN, Resource, Stack
from policies.pack import judge as judge_by_policies
from policies.program import ROOT, declared
from residency.edges import Carries
from residency.report import markdown
from residency.walk import edges, judge, sentence
from tests.three_offices import add_office, checkout_of, copy_stack_files

OFFICES = tuple(office.name for office in Fleet.load(ROOT).offices)
Change = Callable[[dict[str, Any]], None]
US_RESULTS = "arn:aws:s3:::globalbi-us-results-333333333333"
EU_RESULTS = "arn:aws:s3:::globalbi-eu-results-222222222222"
STRANGER = "arn:aws:iam::444444444444:root"


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet.load(ROOT)


@pytest.fixture(scope="module")
def stacks() -> dict[str, Stack]:
    return {office: declared(office) for office in OFFICES}


def put(value: Any, *path: Any) -> Change:
    def change(inputs: dict[str, Any]) -> None:
        here: Any = inputs
        for part in path[:-1]:
            here = here.setdefault(part, {}) if isinstance(here, dict) else here[part]
        here[path[-1]] = value

    return change


def allow(actions: str | list[str], resource: str, key: str = "policy", **more: Any) -> Change:
    """Adds a statement to a policy."""

    def change(inputs: dict[str, Any]) -> None:
        document = json.loads(inputs[key])
        document["Statement"].append({"Effect": "Allow", "Action": actions, "Resource": resource, **more})
        inputs[key] = json.dumps(document)

    return change


def changed(stack: Stack, kind: str, change: Change, name: str = "") -> Stack:
    """The stack with the first resource of `kind` (whose name holds `name`) changed."""
    resources = list(stack.resources)
    index = next(i for i, each in enumerate(resources) if each.kind == kind and name in each.name)
    inputs = copy.deepcopy(dict(resources[index].inputs))
    change(inputs)
    resources[index] = Resource(kind=kind, name=resources[index].name, inputs=inputs)
    return Stack(resources=tuple(resources))


def with_new(stack: Stack, kind: str, **inputs: Any) -> Stack:
    return Stack(resources=(*stack.resources, Resource(kind=kind, name="planted", inputs=inputs)))


ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
FOREIGN_BUS = "arn:aws:events:us-east-1:333333333333:event-bus/default"
FOREIGN_QUEUE = "arn:aws:sqs:eu-central-1:444444444444:theirs"
TO_US = {"id": "leak", "status": "Enabled", "destination": {"bucket": US_RESULTS}}

# By leak: how it is planted in eu, where it leads, and the least that it carries.
LEAKS: dict[str, tuple[Callable[[Stack], Stack], str, Carries]] = {
    "results replicate to us": (
        lambda s: with_new(
            s,
            "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
            bucket="globalbi-eu-results-222222222222",
            rules=[TO_US],
        ),
        "us",
        Carries.results,
    ),
    "uploads replicate to a stranger's bucket": (
        lambda s: with_new(
            s,
            "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
            bucket="globalbi-eu-uploads-222222222222",
            rules=[{"destination": {"bucket": "arn:aws:s3:::elsewhere"}}],
        ),
        "bucket elsewhere",
        Carries.samples,
    ),
    "a job may write into us": (
        lambda s: changed(s, ROLE_POLICY, allow("s3:PutObject", f"{US_RESULTS}/*"), "metagenome"),
        "us",
        Carries.samples,
    ),
    "a job may write anywhere": (
        lambda s: changed(s, ROLE_POLICY, allow("s3:PutObject", "*"), "metagenome"),
        "anyone",
        Carries.samples,
    ),
    "a job may do everything but": (
        lambda s: changed(
            s,
            ROLE_POLICY,
            lambda inputs: inputs.update(
                policy=json.dumps(
                    {
                        "Statement": [
                            *json.loads(inputs["policy"])["Statement"],
                            {"Effect": "Allow", "NotAction": "iam:*", "NotResource": EU_RESULTS},
                        ]
                    }
                )
            ),
            "metagenome",
        ),
        "anyone",
        Carries.samples,
    ),
    "a function may send to a stranger's queue": (
        lambda s: changed(s, ROLE_POLICY, allow("sqs:SendMessage", FOREIGN_QUEUE), "intake"),
        "account 444444444444",
        Carries.samples,
    ),
    "a function may assume a stranger's role": (
        lambda s: changed(
            s, ROLE_POLICY, allow("sts:AssumeRole", "arn:aws:iam::444444444444:role/x"), "intake"
        ),
        "account 444444444444",
        Carries.samples,
    ),
    "a stranger may read results": (
        lambda s: changed(
            s,
            "aws:s3/bucketPolicy:BucketPolicy",
            allow("s3:GetObject", f"{EU_RESULTS}/*", Principal={"AWS": STRANGER}),
            "results",
        ),
        "account 444444444444",
        Carries.results,
    ),
    "everybody may read results": (
        lambda s: changed(
            s,
            "aws:s3/bucketPolicy:BucketPolicy",
            allow("s3:GetObject", f"{EU_RESULTS}/*", Principal="*"),
            "results",
        ),
        "anyone",
        Carries.results,
    ),
    "headquarters may read reads": (
        lambda s: changed(
            s,
            "aws:s3/bucketPolicy:BucketPolicy",
            allow(
                "s3:GetObject",
                "arn:aws:s3:::globalbi-eu-uploads-222222222222/*",
                Principal={"AWS": "111111111111"},
            ),
            "uploads",
        ),
        "hq",
        Carries.samples,
    ),
    "a stranger may assume the branch's role": (
        lambda s: changed(
            s, ROLE, allow("sts:AssumeRole", "*", "assumeRolePolicy", Principal={"AWS": STRANGER}), "branch"
        ),
        "account 444444444444",
        Carries.results,
    ),
    "an identity from outside may assume a job's role": (
        lambda s: changed(
            s,
            ROLE,
            allow(
                "sts:AssumeRoleWithWebIdentity",
                "*",
                "assumeRolePolicy",
                Principal={"Federated": "accounts.google.com"},
            ),
            "metagenome",
        ),
        "identities of accounts.google.com",
        Carries.samples,
    ),
    "a stranger may read the intake queue": (
        lambda s: changed(
            s,
            "aws:sqs/queuePolicy:QueuePolicy",
            allow("sqs:ReceiveMessage", "*", Principal={"AWS": STRANGER}),
            "intake",
        ),
        "account 444444444444",
        Carries.identifiers,
    ),
    "upload events go to another bus": (
        lambda s: changed(s, TARGET, put(FOREIGN_BUS, "arn"), "intake"),
        "us",
        Carries.identifiers,
    ),
    "alarms go to a stranger": (
        lambda s: changed(
            s,
            "aws:sns/topicSubscription:TopicSubscription",
            put("someone@elsewhere.example", "endpoint"),
        ),
        "email someone@elsewhere.example",
        Carries.metadata,
    ),
    "the ledger is a global table": (
        lambda s: changed(
            s, "aws:dynamodb/table:Table", put([{"regionName": "us-east-1"}], "replicas"), "ledger"
        ),
        "us-east-1",
        Carries.identifiers,
    ),
    "a bucket lies in another region": (
        lambda s: changed(s, "aws:s3/bucket:Bucket", put("us-east-1", "region"), "results"),
        "us-east-1",
        Carries.samples,
    ),
    "a NAT gateway": (
        lambda s: with_new(s, "aws:ec2/natGateway:NatGateway", subnetId="subnet"),
        "internet",
        Carries.samples,
    ),
    "a peering with another network": (
        lambda s: with_new(s, "aws:ec2/vpcPeeringConnection:VpcPeeringConnection", peerVpcId="vpc"),
        "internet",
        Carries.samples,
    ),
    "a route to everywhere": (
        lambda s: changed(
            s,
            "aws:ec2/routeTable:RouteTable",
            put([{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw"}], "routes"),
        ),
        "internet",
        Carries.samples,
    ),
    "public addresses": (
        lambda s: changed(s, "aws:ec2/subnet:Subnet", put(True, "mapPublicIpOnLaunch")),
        "internet",
        Carries.samples,
    ),
    "an endpoint that lets every key through": (
        lambda s: changed(s, ENDPOINT, lambda inputs: inputs.pop("policy"), "s3"),
        "anyone",
        Carries.samples,
    ),
    "an endpoint that lets strangers' keys through": (
        lambda s: changed(s, ENDPOINT, allow("s3:PutObject", "*", Principal="*"), "s3"),
        "anyone",
        Carries.samples,
    ),
    "an endpoint of another region": (
        lambda s: changed(s, ENDPOINT, put("com.amazonaws.us-east-1.s3", "serviceName"), "s3"),
        "anyone",
        Carries.samples,
    ),
    "images replicate to a stranger": (
        lambda s: with_new(
            s,
            "aws:ecr/replicationConfiguration:ReplicationConfiguration",
            replicationConfiguration={
                "rules": [{"destinations": [{"registryId": "444444444444", "region": "eu-central-1"}]}]
            },
        ),
        "account 444444444444",
        Carries.images,
    ),
    "a key that opens copies anywhere": (
        lambda s: changed(s, "aws:kms/key:Key", put(True, "multiRegion")),
        "anyone",
        Carries.samples,
    ),
    "logs go to a stranger": (
        lambda s: with_new(
            s,
            "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
            destinationArn="arn:aws:logs:eu-central-1:444444444444:destination:x",
        ),
        "account 444444444444",
        Carries.identifiers,
    ),
    "uploads travel by edge locations": (
        lambda s: with_new(
            s, "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration", bucket="b"
        ),
        "internet",
        Carries.samples,
    ),
    "a kind that nobody thought about": (
        lambda s: with_new(s, "aws:datasync/task:Task", name="copy"),
        "unknown",
        Carries.samples,
    ),
}


@pytest.mark.parametrize("office", OFFICES)
def test_every_way_out_of_an_office_is_named_with_a_reason(
    stacks: dict[str, Stack], fleet: Fleet, office: str
) -> None:
    """What leaves a region is a decision that somebody wrote down, and no entry names what is not there."""
    found = judge(stacks[office], fleet, office)
    assert [sentence(edge) for edge in found.unnamed] == []
    assert list(found.idle) == []


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(stacks: dict[str, Stack], fleet: Fleet, leak: str) -> None:
    """A leak that the walk misses is one that the data-protection officer signs off."""
    plant, target, least = LEAKS[leak]
    without = _fleet_without(
        fleet, "internet"
    )  # the functions' way, named in the file, must not hide another
    before = set(edges(stacks["eu"], without, "eu"))
    new = [edge for edge in edges(plant(stacks["eu"]), without, "eu") if edge not in before]
    assert [
        edge for edge in new if edge.source == "eu" and edge.target == target and edge.carries >= least
    ], new
    assert set(judge(plant(stacks["eu"]), without, "eu").unnamed) & set(new)


def _fleet_without(fleet: Fleet, place: str) -> Fleet:
    offices = []
    for office in fleet.offices:
        entries = tuple(each for each in office.settings.may_leave if each.to != place)
        settings = office.settings.model_copy(update={"may_leave": entries})
        offices.append(type(office)(name=office.name, settings=settings))
    return Fleet(offices=tuple(offices), pipelines=fleet.pipelines)


def test_a_preview_is_refused_for_a_way_that_nobody_named(stacks: dict[str, Stack]) -> None:
    """The gate stands in the pull request: after the merge the bytes have left."""
    leaky = LEAKS["results replicate to us"][0](stacks["eu"])
    findings = [each for each in judge_by_policies(leaky) if each.policy.id == "GBI-RES-1"]
    assert [each.resource.name for each in findings] == ["planted"]
    assert "results can go from eu to us" in findings[0].message
    assert "Pulumi.eu.yaml, globalbi:mayLeave" in findings[0].message


def test_what_aws_alone_will_know_does_not_hide_what_a_role_reads(
    stacks: dict[str, Stack], fleet: Fleet
) -> None:
    """In a preview a function's role is not known yet; its way out still carries what the role may read."""
    roles = {role.inputs["name"]: role.name for role in stacks["eu"].of(ROLE)}

    def previewed(each: Resource) -> Resource:
        if each.kind != "aws:lambda/function:Function":
            return each
        role = roles[str(each.inputs["role"]).rsplit("/", 1)[-1]]
        inputs = {**each.inputs, "role": UNKNOWN}
        return Resource(kind=each.kind, name=each.name, inputs=inputs, after={"role": frozenset({role})})

    preview = Stack(resources=tuple(previewed(each) for each in stacks["eu"].resources))
    assert edges(preview, fleet, "eu") == edges(stacks["eu"], fleet, "eu")


def test_an_office_that_keeps_names_home_sends_metadata(stacks: dict[str, Stack], fleet: Fleet) -> None:
    """`identifiers: pseudonymous` is seen in the report, or the setting would promise nothing."""
    offices = tuple(
        type(each)(name=each.name, settings=each.settings.model_copy(update={"identifiers": "pseudonymous"}))
        for each in fleet.offices
    )
    keyed = Fleet(offices=offices, pipelines=fleet.pipelines)
    to_hq = {edge.carries for edge in edges(stacks["eu"], keyed, "eu") if edge.target == "hq"}
    assert to_hq == {Carries.metadata}


def test_the_document_is_what_the_walk_finds(stacks: dict[str, Stack], fleet: Fleet) -> None:
    """A report of last month's program is evidence of nothing."""
    report = markdown({office: judge(stack, fleet, office) for office, stack in stacks.items()})
    document = (ROOT / "docs" / "residency.md").read_text()
    assert report in document, "run: .venv/bin/python -m residency --write docs/residency.md"


def test_a_fourth_office_and_a_first_delivery_are_judged_like_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens an office or agrees with a partner changes stack files, and no rule stands in the way."""
    root = checkout_of(tmp_path)
    add_office(root, "ny", account="555555555555", region="us-east-1", cidr="10.40.0.0/16")
    eu = yaml.safe_load((root / "Pulumi.eu.yaml").read_text())
    way = {"to": "bucket acme-inbox", "carries": "results", "reason": "Acme ordered what is in its soil."}
    eu["config"]["globalbi:partners"] = {
        "acme": {"contact": "data@acme.example", "account": "444444444444", "bucket": "acme-inbox"}
    }
    eu["config"]["globalbi:deliveries"] = [{"partner": "acme", "pipeline": "metagenome", "project": "soil"}]
    eu["config"]["globalbi:mayLeave"].append(way)
    (root / "Pulumi.eu.yaml").write_text(yaml.safe_dump(eu))
    fleet = Fleet.load(root)
    monkeypatch.setattr("residency.policy._fleet", lambda: fleet)
    for office in ("eu", "hq", "ny", "us"):
        stack = declared(office, root)
        found = judge(stack, fleet, office)
        assert [sentence(edge) for edge in found.unnamed] == list(found.idle) == []
        assert [(each.policy.id, each.message) for each in judge_by_policies(stack)] == []


def test_the_command_refuses_a_way_that_is_not_named(tmp_path: Path) -> None:
    """The exit code is what a pull request's check sees."""
    for name in ("components", "cost", "handlers", "policies", "residency", "pipeline_images"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "__main__.py", ROOT / "Pulumi.yaml"):
        shutil.copy(path, tmp_path)
    copy_stack_files(tmp_path)
    command = [sys.executable, "-m", "residency"]
    calm = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert calm.returncode == 0, calm.stderr
    office = tmp_path / "Pulumi.eu.yaml"
    office.write_text(office.read_text().replace("    - to: hq\n", "    - to: us\n"))
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "identifiers can go from eu to hq" in told.stderr
    assert "names a way to us that is not there" in told.stderr


@pytest.mark.parametrize("office", OFFICES)
def test_what_only_aws_will_know_is_not_judged_before(
    fleet: Fleet, stacks: dict[str, Stack], office: str
) -> None:
    """Pulumi's analyzer judges outputs: before the first `up` many are unknown, and none is a leak."""
    unknown = {
        "aws:ec2/routeTable:RouteTable": "routes",
        "aws:dynamodb/table:Table": "replicas",
        "aws:s3/bucketNotification:BucketNotification": "queues",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig": "rules",
        "aws:budgets/budget:Budget": "notifications",
    }
    outputs = tuple(
        Resource(
            kind=each.kind,
            name=each.name,
            after=each.after,
            inputs={**each.inputs, "region": UNKNOWN, **({key: UNKNOWN} if key else {})},
        )
        for each in stacks[office].resources
        for key in [unknown.get(each.kind)]
    )
    assert {each.kind for each in outputs} & unknown.keys()
    assert judge(Stack(resources=outputs), fleet, office).unnamed == ()

"""The Pulumi program run in process, without AWS, with an engine that only records what it declares.

An unknown resource type, an unknown input or an unknown call is refused: it is a fault of the program that
otherwise only the real provider would find.
"""

import asyncio
import inspect
import json
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import yaml
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.stack import run_pulumi_func

from policies import declared as declared_terms

ROOT = Path(__file__).resolve().parent.parent

# Every type the program may declare, with the class that says which inputs it takes.
KNOWN: dict[str, Any] = {
    "aws:batch/computeEnvironment:ComputeEnvironment": aws.batch.ComputeEnvironment,
    "aws:batch/jobDefinition:JobDefinition": aws.batch.JobDefinition,
    "aws:batch/jobQueue:JobQueue": aws.batch.JobQueue,
    "aws:budgets/budget:Budget": aws.budgets.Budget,
    "aws:cloudwatch/dashboard:Dashboard": aws.cloudwatch.Dashboard,
    "aws:cloudwatch/eventBus:EventBus": aws.cloudwatch.EventBus,
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": aws.cloudwatch.EventBusPolicy,
    "aws:cloudwatch/eventRule:EventRule": aws.cloudwatch.EventRule,
    "aws:cloudwatch/eventTarget:EventTarget": aws.cloudwatch.EventTarget,
    "aws:cloudwatch/logGroup:LogGroup": aws.cloudwatch.LogGroup,
    "aws:cloudwatch/metricAlarm:MetricAlarm": aws.cloudwatch.MetricAlarm,
    "aws:dynamodb/table:Table": aws.dynamodb.Table,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": aws.ec2.DefaultSecurityGroup,
    "aws:ec2/flowLog:FlowLog": aws.ec2.FlowLog,
    "aws:ec2/launchTemplate:LaunchTemplate": aws.ec2.LaunchTemplate,
    "aws:ec2/routeTable:RouteTable": aws.ec2.RouteTable,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": aws.ec2.RouteTableAssociation,
    "aws:ec2/securityGroup:SecurityGroup": aws.ec2.SecurityGroup,
    "aws:ec2/subnet:Subnet": aws.ec2.Subnet,
    "aws:ec2/vpc:Vpc": aws.ec2.Vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": aws.ec2.VpcEndpoint,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": aws.ecr.LifecyclePolicy,
    "aws:ecr/registryPolicy:RegistryPolicy": aws.ecr.RegistryPolicy,
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": aws.ecr.ReplicationConfiguration,
    "aws:ecr/repository:Repository": aws.ecr.Repository,
    "aws:iam/instanceProfile:InstanceProfile": aws.iam.InstanceProfile,
    "aws:iam/role:Role": aws.iam.Role,
    "aws:iam/rolePolicy:RolePolicy": aws.iam.RolePolicy,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": aws.iam.RolePolicyAttachment,
    "aws:kms/alias:Alias": aws.kms.Alias,
    "aws:kms/key:Key": aws.kms.Key,
    "aws:lambda/eventSourceMapping:EventSourceMapping": aws.lambda_.EventSourceMapping,
    "aws:lambda/function:Function": aws.lambda_.Function,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": aws.lambda_.FunctionEventInvokeConfig,
    "aws:lambda/permission:Permission": aws.lambda_.Permission,
    "aws:s3/bucket:Bucket": aws.s3.Bucket,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": aws.s3.BucketLifecycleConfiguration,
    "aws:s3/bucketNotification:BucketNotification": aws.s3.BucketNotification,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": aws.s3.BucketOwnershipControls,
    "aws:s3/bucketPolicy:BucketPolicy": aws.s3.BucketPolicy,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": aws.s3.BucketPublicAccessBlock,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": aws.s3.BucketReplicationConfig,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        aws.s3.BucketServerSideEncryptionConfiguration
    ),
    "aws:s3/bucketVersioning:BucketVersioning": aws.s3.BucketVersioning,
    "aws:sns/topic:Topic": aws.sns.Topic,
    "aws:sns/topicPolicy:TopicPolicy": aws.sns.TopicPolicy,
    "aws:sns/topicSubscription:TopicSubscription": aws.sns.TopicSubscription,
    "aws:sqs/queue:Queue": aws.sqs.Queue,
    "aws:sqs/queuePolicy:QueuePolicy": aws.sqs.QueuePolicy,
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": aws.sqs.RedriveAllowPolicy,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": aws.vpc.SecurityGroupEgressRule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": aws.vpc.SecurityGroupIngressRule,
}


def camel(name: str) -> str:
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def inputs_of(kind: str) -> frozenset[str]:
    """The inputs a type takes, as the engine names them."""
    parameters = inspect.signature(KNOWN[kind]._internal_init).parameters
    return frozenset(camel(name) for name in parameters) - {"resourceName", "opts", "self"}


def takes_tags(kind: str) -> bool:
    return "tags" in inputs_of(kind)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One resource, as the program declared it."""

    kind: str
    name: str
    inputs: dict[str, Any]

    def json(self, key: str) -> Any:
        return json.loads(self.inputs[key])


@dataclass
class Recorder(mocks.Mocks):
    """Answers as engine and provider would, and keeps what was declared."""

    account: str
    region: str
    declared: list[Declared] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    parentless: list[str] = field(default_factory=list)
    protected: set[tuple[str, str]] = field(default_factory=set)  # type and name

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if not args.custom:
            self.components.append(args.typ)
            return "", {}
        if args.typ not in KNOWN:
            raise NotImplementedError(
                f"{args.typ} ({args.name}): a type that policies/program.py does not know"
            )
        strays = set(args.inputs) - inputs_of(args.typ)
        if strays:
            raise NotImplementedError(f"{args.typ} ({args.name}) takes no {', '.join(sorted(strays))}")
        self.declared.append(Declared(kind=args.typ, name=args.name, inputs=dict(args.inputs)))
        return answer(args.typ, args.name, args.inputs, self.account, self.region)

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        match args.token:
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": self.account, "arn": "", "userId": "", "id": self.account}
            case "aws:index/getRegion:getRegion":
                return {"region": self.region, "name": self.region, "id": self.region}
            case "aws:index/getAvailabilityZones:getAvailabilityZones":
                return {"names": [f"{self.region}{zone}" for zone in "abcd"], "id": self.region}
        raise NotImplementedError(f"{args.token}: a call that policies/program.py does not know")


def answer(
    kind: str, name: str, inputs: dict[str, Any], account: str, region: str
) -> tuple[str, dict[str, Any]]:
    """Ids and ARNs in AWS's forms, so that what names them can be judged."""
    name, logical = inputs.get("name", inputs.get("bucket", name)), name
    service, resource = kind.removeprefix("aws:").split(":")[0].split("/")
    place = f"{region}:{account}"
    arn = {
        "s3": f"arn:aws:s3:::{name}",
        "iam": f"arn:aws:iam::{account}:{resource}/{name}",
        "sqs": f"arn:aws:sqs:{place}:{name}",
        "sns": f"arn:aws:sns:{place}:{name}",
        "dynamodb": f"arn:aws:dynamodb:{place}:table/{name}",
        "lambda": f"arn:aws:lambda:{place}:function:{name}",
        "ecr": f"arn:aws:ecr:{place}:repository/{name}",
        "kms": f"arn:aws:kms:{place}:key/{name}",
    }.get(service, f"arn:aws:{service}:{place}:{resource}/{name}")
    if resource == "jobDefinition":
        digest = json.loads(inputs["containerProperties"])["image"].rsplit(":", 1)[1]
        arn = f"arn:aws:batch:{place}:job-definition/{name}:{int(digest[:4], 16)}"
    more: dict[str, Any] = {"latestVersion": 1.0} if resource == "launchTemplate" else {}
    if resource == "vpcEndpoint":
        more = {"prefixListId": f"pl-{logical}"}
    outputs = {**inputs, "name": name, "arn": arn, "keyId": name, "url": f"https://sqs/{name}", **more}
    return str(name), outputs


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What one office's program declared and exported."""

    recorder: Recorder
    outputs: dict[str, Any]

    def of(self, kind: str) -> list[Declared]:
        return [each for each in self.recorder.declared if each.kind == kind]

    def named(self, name: str, kind: str = "") -> Declared:
        found = [each for each in self.recorder.declared if each.name == name and kind in each.kind]
        assert len(found) == 1, f"{name}: {[each.kind for each in found]}"
        return found[0]


def cli_config(path: Path) -> dict[str, str]:
    """A stack file's configuration as the CLI hands it to the program: text, and JSON for what is not."""
    config = yaml.safe_load(path.read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@contextmanager
def _parents(recorder: Recorder) -> Iterator[None]:
    """Mocks are told neither a resource's parent nor its protection; the monitor is."""
    original = mocks.MockMonitor.RegisterResource

    def register(self: Any, request: Any) -> Any:
        if request.custom and (not request.parent or "pulumi:pulumi:Stack::" in request.parent):
            recorder.parentless.append(request.name)
        if request.protect:
            recorder.protected.add((request.type, request.name))
        return original(self, request)  # type: ignore[no-untyped-call]

    mocks.MockMonitor.RegisterResource = register  # type: ignore[method-assign]
    try:
        yield
    finally:
        mocks.MockMonitor.RegisterResource = original  # type: ignore[method-assign]


@contextmanager
def _exports() -> Iterator[dict[str, Any]]:
    exported: dict[str, Any] = {}
    original = pulumi.export

    def export(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda resolved: exported.__setitem__(name, resolved))
        original(name, value)

    pulumi.export = export
    try:
        yield exported
    finally:
        pulumi.export = original


def run(
    program: Callable[[], None], *, office: str, config: dict[str, str], recorder: Recorder
) -> dict[str, Any]:
    """Runs `program` as the stack `office`; returns what it exported."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    settings.set_root_resource(None)  # type: ignore[arg-type]  # as at the start of a program
    mocks.set_mocks(recorder, project="globalbi", stack=office, preview=False)
    set_all_config(config)
    with _exports() as exported, _parents(recorder):
        asyncio.get_event_loop().run_until_complete(run_pulumi_func(program))
    return exported


def run_program(
    office: str, root: Path, recorder: Recorder, config: dict[str, str] | None = None
) -> dict[str, Any]:
    """Runs the real `__main__.py` of `root` as the stack `office`; returns what it exported."""

    def program() -> None:
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")

    return run(
        program,
        office=office,
        config=config or cli_config(root / f"Pulumi.{office}.yaml"),
        recorder=recorder,
    )


def deploy(office: str, root: Path = ROOT) -> Stack:
    """Runs the real program of `root` for an office, with the office's own credentials."""
    config = cli_config(root / f"Pulumi.{office}.yaml")
    recorder = Recorder(account=json.loads(config["aws:allowedAccountIds"])[0], region=config["aws:region"])
    return Stack(recorder=recorder, outputs=run_program(office, root, recorder, config))


def declared(office: str, root: Path = ROOT) -> declared_terms.Stack:
    """What an office declares, in the policies' own terms."""
    return declared_terms.Stack(
        resources=tuple(
            declared_terms.Resource(kind=each.kind, name=each.name, inputs=each.inputs)
            for each in deploy(office, root).recorder.declared
        )
    )

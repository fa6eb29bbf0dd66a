"""Functions: what runs in Lambda, one entry point of `handlers/` each.

A function gets the permissions it is given and no others, its own encrypted log group, and an alarm on its
errors. With a queue as its source it reports the messages it could not handle one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.alarms import FUNCTION_ERRORS, alarm
from components.key import OfficeKey
from components.names import FUNCTION_LIMIT, boundary_arn, shortened
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.permission import Permission, inline_policy, trust_service_plainly
from components.queue import BufferedQueue
from components.tags import tags

RUNTIME = "python3.13"
# Powertools' public layer. https://docs.aws.amazon.com/powertools/python/latest/#lambda-layer
LAYER_ACCOUNT, LAYER = "017000801446", "AWSLambdaPowertoolsPythonV3-python313-arm64:27"
HANDLERS = Path("handlers")
MEMORY_MIB = 256
LOG_DAYS = 90
BATCH_SIZE = 10
# AWS: a queue's visibility time-out should be six times its function's, or slow batches are delivered again.
VISIBILITY_FACTOR = 6
# AWS: all of a function's environment together.
ENVIRONMENT_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class HandlerFunctionArgs:
    office: Office
    key: OfficeKey
    notices: Notices
    handler: str  # handlers.<module>.handler
    purpose: str
    timeout_s: int
    may: Sequence[Permission]
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    source: BufferedQueue | None = None
    memory_mib: int = MEMORY_MIB
    max_concurrency: int | None = None  # of batches taken from the source at once, 2 to 1,000


class HandlerFunction(pulumi.ComponentResource):
    """A function, its role, its log group, its source and its alarm."""

    def __init__(
        self, name: str, args: HandlerFunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("globalbi:office:HandlerFunction", name, None, opts)
        self._args = args
        self._tags = tags(args.office.name, "function")
        physical_name = shortened(name, FUNCTION_LIMIT)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{physical_name}",
            retention_in_days=LOG_DAYS,
            kms_key_id=args.key.arn,
            tags=self._tags,
            opts=child_of(self),
        )
        role, allowed = self._role(name, logs)
        function = aws.lambda_.Function(
            name,
            name=physical_name,
            description=args.purpose,
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=args.handler,
            code=handlers_archive(),
            layers=[f"arn:aws:lambda:{args.office.region}:{LAYER_ACCOUNT}:layer:{LAYER}"],
            role=role.arn,
            timeout=args.timeout_s,
            memory_size=args.memory_mib,
            kms_key_arn=args.key.arn,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=self._environment(name)),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=logs.name),
            tags=self._tags,
            opts=child_of(self, after=[allowed]),
        )
        self.arn, self.name = function.arn, function.name
        if args.source:
            self._consume(name, args.source, allowed)
        alarm(
            f"{name}-errors",
            FUNCTION_ERRORS,
            office=args.office,
            notices=args.notices,
            parent=self,
            component="function",
            of={"FunctionName": function.name},
        )
        self.register_outputs({"arn": self.arn})

    def _role(self, name: str, logs: aws.cloudwatch.LogGroup) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        role = aws.iam.Role(
            f"{name}-role",
            name=shortened(name, FUNCTION_LIMIT),
            permissions_boundary=boundary_arn(self._args.office.name, self._args.office.account),
            description=self._args.purpose,
            assume_role_policy=trust_service_plainly("lambda.amazonaws.com"),
            tags=self._tags,
            opts=child_of(self),
        )
        own = [
            Permission(
                sid="WriteOwnLogs",
                actions=("logs:CreateLogStream", "logs:PutLogEvents"),
                resources=[pulumi.Output.concat(logs.arn, ":*")],
            ),
            # X-Ray knows no resource but "*".
            Permission(
                sid="SendTraces",
                actions=("xray:PutTraceSegments", "xray:PutTelemetryRecords"),
                resources=["*"],
            ),
            self._args.key.use,
            self._args.key.read_environment,
        ]
        source = [self._args.source.consume] if self._args.source else []
        policy = aws.iam.RolePolicy(
            f"{name}-may",
            name="may",
            role=role.name,
            policy=inline_policy([*own, *source, *self._args.may]),
            opts=child_of(role),
        )
        return role, policy

    def _environment(self, name: str) -> pulumi.Output[dict[str, str]]:
        office = self._args.office
        variables: dict[str, pulumi.Input[str]] = {
            "OFFICE": office.name,
            "LOG_LEVEL": "INFO",
            "POWERTOOLS_SERVICE_NAME": self._args.handler.split(".")[1],
            **self._args.environment,
        }
        return pulumi.Output.all(**variables).apply(lambda resolved: _fitting(name, resolved))

    def _consume(self, name: str, source: BufferedQueue, allowed: pulumi.Resource) -> None:
        scaling = (
            aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=self._args.max_concurrency)
            if self._args.max_concurrency
            else None
        )
        aws.lambda_.EventSourceMapping(
            f"{name}-source",
            event_source_arn=source.arn,
            function_name=self.name,
            batch_size=BATCH_SIZE,
            # Without it one bad message brings the whole batch back.
            function_response_types=["ReportBatchItemFailures"],
            # Not reserved concurrency: the poller would go on, and messages it cannot place would use up
            # their receives.
            scaling_config=scaling,
            tags=self._tags,
            # Lambda refuses a source that the role cannot read yet.
            opts=child_of(self, after=[allowed]),
        )


def handlers_archive() -> pulumi.AssetArchive:
    """The code of all handlers: source files only, since what Python compiles beside them would change the
    archive.
    """
    return pulumi.AssetArchive(
        {path.as_posix(): pulumi.FileAsset(f"./{path.as_posix()}") for path in sorted(HANDLERS.rglob("*.py"))}
    )


def _fitting(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in variables.items())
    if size > ENVIRONMENT_BYTES:
        raise ValueError(
            f"{name}: the environment must be at most {ENVIRONMENT_BYTES} bytes, not {size}: "
            "an office can have fewer releases or deliveries at once"
        )
    return dict(variables)

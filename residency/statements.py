"""Policies of IAM as edges: what a role may read and where it may write, and whom a resource lets in."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from policies.access import ROLE_POLICY, listed, statements
from policies.declared import Resource, Stack
from policies.work import FUNCTION, PERMISSION
from residency.edges import ANYONE, INTERNET, Carries, Edge
from residency.places import Atlas, Place

ROLE = "aws:iam/role:Role"
# Kinds with a policy of their own that says whom they let in.
RESOURCE_POLICIES = (
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:ecr/registryPolicy:RegistryPolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
    "aws:dynamodb/resourcePolicy:ResourcePolicy",
)
# KMS moves no bytes but keys'; who may use a key matters where he may also reach what it encrypts.
NO_BYTES = re.compile(r"kms:|iam:|tag:|sts:(?!AssumeRole)")
READS = re.compile(r"\w+:(Get|List|Query|Scan|BatchGet|Receive|Select|Download|Describe|Subscribe)|\*|\w+:\*")
WRITES = re.compile(
    r"\w+:(Put|Send|Publish|Replicate|Create|Copy|Invoke|Upload|Start|Update|Write|Submit|BatchWrite|Transact|"
    r"Assume|Restore|Export)|\*|\w+:\*"
)
# The settings of a bucket are none of its objects.
SETTINGS = re.compile(r"s3:GetBucket\w+|s3:GetReplicationConfiguration")
# What has no resource to name, and tells of nothing but the account's own state.
HARMLESS = re.compile(
    r"ecr:GetAuthorizationToken|batch:|cloudwatch:PutMetricData|xray:Put|ec2:Describe|logs:Describe"
)


def edges_of_policies(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    may_read = readable(stack, atlas)
    for resource in stack.of(ROLE_POLICY):
        for statement in _allowed(resource, "policy"):
            yield from _of_role(resource, statement, may_read[_role(resource, stack)], atlas)
    for role in stack.of(ROLE):
        for statement in _allowed(role, "assumeRolePolicy"):
            for who in _strangers(statement, atlas):
                yield atlas.way_out(
                    role, who, may_read[role.name], "who may assume the role reads what it reads"
                )
    for function in stack.of(FUNCTION):
        # Functions run outside the office's network: their code alone decides whom they talk to.
        if not function.inputs.get("vpcConfig"):
            yield atlas.way_out(
                function,
                INTERNET,
                may_read[_role(function, stack)],
                "a function outside the network can reach the internet with what its role may read",
            )
    for resource in stack.of(*RESOURCE_POLICIES):
        for statement in _allowed(resource, "policy"):
            yield from _of_resource(resource, statement, atlas)
    for permission in stack.of(PERMISSION):
        if (account := permission.inputs.get("sourceAccount")) not in (None, atlas.account):
            yield _in(permission, atlas.of_account(str(account)), Carries.metadata, atlas)


def readable(stack: Stack, atlas: Atlas) -> Mapping[str, Carries]:
    """The most telling thing that each role may read in its own office, by the role's logical name."""
    found: dict[str, Carries] = defaultdict(lambda: Carries.images)
    for resource in stack.of(ROLE_POLICY):
        for statement in _allowed(resource, "policy"):
            if not any(_bytes(READS, action) for action in listed(statement.get("Action"))):
                continue
            for place in _places(statement, atlas):
                role = _role(resource, stack)
                if place.name in (atlas.here, ANYONE) and not _harmless(statement):
                    found[role] = max(found[role], place.holds)
    return found


def _role(resource: Resource, stack: Stack) -> str:
    """The role that a policy or a function names: by name, by ARN, or by where the value will come from."""
    named = str(resource.inputs.get("role", "")).rsplit("/", 1)[-1]
    coming = resource.after.get("role", frozenset())
    roles = (
        role for role in stack.of(ROLE) if named == role.inputs.get("name") or role.name in {named} | coming
    )
    return next((role.name for role in roles), named)


def _allowed(resource: Resource, key: str) -> Iterator[Mapping[str, Any]]:
    return (one for one in statements(resource, key) if one.get("Effect") == "Allow")


def _bytes(what: re.Pattern[str], action: Any) -> bool:
    return bool(what.match(str(action))) and not NO_BYTES.match(str(action))


def _harmless(statement: Mapping[str, Any]) -> bool:
    return all(HARMLESS.match(str(action)) for action in listed(statement.get("Action")))


def _places(statement: Mapping[str, Any], atlas: Atlas) -> list[Place]:
    named = listed(statement.get("Resource")) if "NotResource" not in statement else ["*"]
    return [place for arn in named if (place := atlas.of_arn(arn)) is not None]


def _of_role(
    resource: Resource, statement: Mapping[str, Any], reads: Carries, atlas: Atlas
) -> Iterator[Edge]:
    actions = listed(statement.get("Action")) or ["*"]  # NotAction allows all the others
    if _harmless(statement) and "NotAction" not in statement:
        return
    for place in _places(statement, atlas):
        if place.name == atlas.here:
            continue
        if any(_bytes(WRITES, action) for action in actions):
            only_events = all(str(action).startswith("events:") for action in actions)
            carries = atlas.events_of(atlas.here) if only_events else reads
            yield atlas.way_out(
                resource, place.name, carries, f"a role may {', '.join(map(str, actions))} there"
            )
        if any(_bytes(READS, action) for action in actions) and place.name != ANYONE:
            yield Edge(
                source=place.name,
                target=atlas.here,
                carries=place.holds,
                via=resource.name,
                how=f"a role may {', '.join(map(str, actions))} there",
            )


def _of_resource(resource: Resource, statement: Mapping[str, Any], atlas: Atlas) -> Iterator[Edge]:
    actions = listed(statement.get("Action")) or ["*"]
    places = [place for place in _places(statement, atlas) if place.name == atlas.here]
    holds = max((place.holds for place in places), default=_held_by(resource, atlas))
    for who in _strangers(statement, atlas):
        if any(_bytes(READS, action) and not SETTINGS.match(str(action)) for action in actions):
            yield atlas.way_out(resource, who, holds, f"it may {', '.join(map(str, actions))} here")
        if any(_bytes(WRITES, action) for action in actions):
            events = "eventBus" in resource.kind
            carries = atlas.events_of(who) if events else holds
            yield _in(resource, who, carries, atlas)


def _in(resource: Resource, who: str, carries: Carries, atlas: Atlas) -> Edge:
    return Edge(source=who, target=atlas.here, carries=carries, via=resource.name, how="it may write here")


def _held_by(resource: Resource, atlas: Atlas) -> Carries:
    place = atlas.of_bucket(str(resource.inputs.get("bucket"))) if "s3/" in resource.kind else None
    return place.holds if place else Carries.images if "ecr/" in resource.kind else Carries.identifiers


def _strangers(statement: Mapping[str, Any], atlas: Atlas) -> Iterator[str]:
    """Who of other accounts a statement lets in."""
    principal = statement.get("Principal", "*" if "NotPrincipal" in statement else {})
    named = listed(principal.get("AWS") if isinstance(principal, Mapping) else principal)
    if isinstance(principal, Mapping):
        named += [f"identities of {each}" for each in listed(principal.get("Federated"))]
    for who in named:
        if who == "*":
            if not bound_to(statement, atlas.account):
                yield ANYONE
        elif re.fullmatch(r"\d{12}", str(who)):
            if who != atlas.account:
                yield atlas.of_account(str(who))
        elif (place := atlas.of_arn(who)) is None:
            yield str(who)
        elif place.name != atlas.here:
            yield place.name


def bound_to(statement: Mapping[str, Any], account: str) -> bool:
    """Whether a statement's conditions let in the principals of one account alone."""
    condition = statement.get("Condition") or {}
    return any(
        listed((condition.get(test) or {}).get("aws:PrincipalAccount")) == [account]
        for test in ("StringEquals", "StringLike")
    )

"""Identity: how this repository's jobs on GitHub become roles of the account, without any stored secret."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap import names, permissions
from bootstrap.account import Account, Action, found, holds
from bootstrap.permissions import Document
from components.names import boundary_name

MISSING = "NoSuchEntity"
COMPONENT = "github"
# IAM keeps five versions of a policy.
MOST_VERSIONS = 5
SESSION_S = 7200


@dataclass(frozen=True, kw_only=True)
class Role:
    name: str
    description: str
    trust: Document
    inline: Mapping[str, Document]
    attached: tuple[str, ...] = ()
    boundary: str | None = None
    session_s: int = 3600
    tags: Mapping[str, str] = field(default_factory=dict)


def provider(account: Account) -> list[Action]:
    """GitHub as an identity provider. An account has one, and other repositories may use it too."""
    iam, arn = account.client("iam"), names.provider_arn(account.office)
    there = found(iam.get_open_id_connect_provider, MISSING, OpenIDConnectProviderArn=arn)
    if there is None:
        # AWS checks GitHub's certificate by its own list: no thumbprint is needed.
        def make() -> None:
            iam.create_open_id_connect_provider(
                Url=f"https://{names.ISSUER}",
                ClientIDList=[names.AUDIENCE],
                Tags=account.tag_list(COMPONENT),
            )

        return [Action(words=f"trust {names.ISSUER} for {names.AUDIENCE}", do=make)]
    if names.AUDIENCE not in there["ClientIDList"]:
        return [
            Action(
                words=f"trust {names.ISSUER} for {names.AUDIENCE}, too",
                do=lambda: iam.add_client_id_to_open_id_connect_provider(
                    OpenIDConnectProviderArn=arn, ClientID=names.AUDIENCE
                ),
            )
        ]
    return []


def boundary_arn(account: Account) -> str:
    return f"arn:aws:iam::{account.office.account}:policy/{names.boundary(account.office)}"


def boundaries(account: Account) -> list[Action]:
    """The fence around the deploy role, and the one around the roles that it makes."""
    office = account.office
    fences = (
        (names.boundary(office), permissions.boundary(office), "The most that deploys from GitHub can do"),
        (boundary_name(office.name), permissions.work(office), "The most that the office's roles can do"),
    )
    return [action for fence in fences for action in _boundary(account, *fence)]


def _boundary(account: Account, name: str, wanted: Document, description: str) -> list[Action]:
    iam, arn = account.client("iam"), f"arn:aws:iam::{account.office.account}:policy/{name}"
    text = json.dumps(wanted, separators=(",", ":"))
    there = found(iam.get_policy, MISSING, PolicyArn=arn)
    if there is None:

        def make() -> None:
            iam.create_policy(
                PolicyName=name,
                PolicyDocument=text,
                Description=description,
                Tags=account.tag_list(COMPONENT),
            )

        return [Action(words=f"make the permissions boundary {name}", do=make)]
    current = there["Policy"]["DefaultVersionId"]
    version = iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]
    if _document(version["Document"]) == wanted:
        return []

    def change() -> None:
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        spare = sorted(
            (each for each in versions if not each["IsDefaultVersion"]),
            key=lambda each: str(each["CreateDate"]),
        )
        if len(versions) >= MOST_VERSIONS:
            iam.delete_policy_version(PolicyArn=arn, VersionId=spare[0]["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

    return [Action(words=f"change the permissions boundary {name}", do=change)]


def roles(account: Account) -> list[Action]:
    """The roles, each with all that differs in it."""
    return [action for role in wanted_roles(account) for action in _role(account, role)]


def wanted_roles(account: Account) -> list[Role]:
    office, subject = account.office, account.repository.subject
    tags = account.tags(COMPONENT)
    made = [
        Role(
            name=names.preview_role(office),
            description="Previews from GitHub: reads settings, never samples",
            trust=permissions.trust(office, subject, names.environment(office, preview=True)),
            attached=(permissions.READ_ONLY,),
            inline={"preview": permissions.preview(office)},
            tags=tags,
        ),
        Role(
            name=names.deploy_role(office),
            description="Deploys from GitHub: makes what the repository declares",
            trust=permissions.trust(office, subject, names.environment(office)),
            inline={"deploy": permissions.deploy(office)},
            boundary=boundary_arn(account),
            session_s=SESSION_S,
            tags=tags,
        ),
        Role(
            name=names.promote_role(office),
            description="Asks from GitHub whether a release may come",
            trust=permissions.trust(office, subject, names.PROMOTE),
            inline={"promote": permissions.promote(office)},
            tags=tags,
        ),
    ]
    if office.headquarters:
        made.append(
            Role(
                name=names.images_role(office),
                description="Pushes images from GitHub",
                trust=permissions.trust(office, subject, names.IMAGES),
                inline={"push": permissions.images(office)},
                tags=tags,
            )
        )
    return made


def _role(account: Account, role: Role) -> list[Action]:
    iam = account.client("iam")
    answer = found(iam.get_role, MISSING, RoleName=role.name)
    if answer is None:
        return [
            Action(words=f"make the role {role.name}: {role.description}", do=lambda: _make(account, role))
        ]
    there = answer["Role"]
    actions = []

    def add(words: str, do: Any) -> None:
        actions.append(Action(words=f"{role.name}: {words}", do=do))

    if _document(there["AssumeRolePolicyDocument"]) != role.trust:
        add("change who may take it", lambda: _set_trust(iam, role))
    if not holds(there, {"Description": role.description, "MaxSessionDuration": role.session_s}):
        add("change its description or longest session", lambda: _describe(iam, role))
    if (there.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn") != role.boundary:
        add("change its permissions boundary", lambda: _fence(iam, role))
    have = {tag["Key"]: tag["Value"] for tag in there.get("Tags", [])}
    if not holds(have, role.tags):
        add("say whose it is", lambda: iam.tag_role(RoleName=role.name, Tags=_tags(role)))
    return [*actions, *_attachments(iam, role), *_inline(iam, role)]


def _attachments(iam: Any, role: Role) -> list[Action]:
    """What somebody attached by hand goes: the role may do what stands here."""
    listed = iam.list_attached_role_policies(RoleName=role.name)["AttachedPolicies"]
    have = {each["PolicyArn"] for each in listed}
    attach = [
        Action(
            words=f"{role.name}: attach {arn}",
            do=lambda arn=arn: iam.attach_role_policy(RoleName=role.name, PolicyArn=arn),  # type: ignore[misc]
        )
        for arn in role.attached
        if arn not in have
    ]
    detach = [
        Action(
            words=f"{role.name}: detach {arn}",
            do=lambda arn=arn: iam.detach_role_policy(RoleName=role.name, PolicyArn=arn),  # type: ignore[misc]
        )
        for arn in sorted(have - set(role.attached))
    ]
    return [*attach, *detach]


def _inline(iam: Any, role: Role) -> list[Action]:
    have = set(iam.list_role_policies(RoleName=role.name)["PolicyNames"])
    actions = []
    for name, wanted in role.inline.items():
        there = (
            iam.get_role_policy(RoleName=role.name, PolicyName=name)["PolicyDocument"]
            if name in have
            else None
        )
        if there is None or _document(there) != wanted:
            actions.append(
                Action(words=f"{role.name}: set what it may do ({name})", do=lambda: _allow(iam, role))
            )
    for name in sorted(have - set(role.inline)):
        actions.append(
            Action(
                words=f"{role.name}: take away {name}",
                do=lambda name=name: iam.delete_role_policy(RoleName=role.name, PolicyName=name),  # type: ignore[misc]
            )
        )
    return actions


def _make(account: Account, role: Role) -> None:
    iam = account.client("iam")
    fence = {"PermissionsBoundary": role.boundary} if role.boundary else {}
    iam.create_role(
        RoleName=role.name,
        Description=role.description,
        AssumeRolePolicyDocument=json.dumps(role.trust),
        MaxSessionDuration=role.session_s,
        Tags=_tags(role),
        **fence,
    )
    for arn in role.attached:
        iam.attach_role_policy(RoleName=role.name, PolicyArn=arn)
    _allow(iam, role)


def _allow(iam: Any, role: Role) -> None:
    for name, wanted in role.inline.items():
        iam.put_role_policy(
            RoleName=role.name, PolicyName=name, PolicyDocument=json.dumps(wanted, separators=(",", ":"))
        )


def _set_trust(iam: Any, role: Role) -> None:
    iam.update_assume_role_policy(RoleName=role.name, PolicyDocument=json.dumps(role.trust))


def _describe(iam: Any, role: Role) -> None:
    iam.update_role(RoleName=role.name, Description=role.description, MaxSessionDuration=role.session_s)


def _fence(iam: Any, role: Role) -> None:
    if role.boundary:
        iam.put_role_permissions_boundary(RoleName=role.name, PermissionsBoundary=role.boundary)
    else:
        iam.delete_role_permissions_boundary(RoleName=role.name)


def _tags(role: Role) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in role.tags.items()]


def _document(value: Any) -> Any:
    """boto3 decodes policies; an endpoint that does not encode them gives text."""
    return json.loads(value) if isinstance(value, str) else value

"""Names of what the bootstrap makes; the workflows derive them from the same stack files."""

from components.names import BUCKET_LIMIT, erasure_role, physical
from components.names import secrets_alias as secrets_alias_of
from components.office import Office

# GitHub's tokens name whom they are for; only those for AWS's token service are taken.
AUDIENCE = "sts.amazonaws.com"
ISSUER = "token.actions.githubusercontent.com"
IMAGES = "images"
PROMOTE = "promote"


def state_bucket(office: Office) -> str:
    return physical(office.name, "state", office.account, limit=BUCKET_LIMIT)


def audit_bucket(office: Office) -> str:
    return physical(office.name, "audit", office.account, limit=BUCKET_LIMIT)


def trail(office: Office) -> str:
    return physical(office.name, "audit")


def trail_arn(office: Office) -> str:
    return f"arn:aws:cloudtrail:{office.region}:{office.account}:trail/{trail(office)}"


def secrets_alias(office: Office) -> str:
    return secrets_alias_of(office.name)


def preview_role(office: Office) -> str:
    return physical(office.name, "github-preview")


def deploy_role(office: Office) -> str:
    return physical(office.name, "github-deploy")


def images_role(office: Office) -> str:
    return physical(office.name, "github-images")


def promote_role(office: Office) -> str:
    return physical(office.name, "github-promote")


def break_glass(office: Office) -> str:
    """The role for emergencies, which the account's own people make."""
    return physical(office.name, "break-glass")


def erasure(office: Office) -> str:
    """The role that erases samples, which the program makes."""
    return erasure_role(office.name)


def boundary(office: Office) -> str:
    return physical(office.name, "github-boundary")


def role_arn(office: Office, role: str) -> str:
    return f"arn:aws:iam::{office.account}:role/{role}"


def provider_arn(office: Office) -> str:
    return f"arn:aws:iam::{office.account}:oidc-provider/{ISSUER}"


def backend(office: Office) -> str:
    """Where Pulumi keeps the office's state: `pulumi login` takes it."""
    return f"s3://{state_bucket(office)}?region={office.region}&awssdk=v2"


def secrets_provider(office: Office) -> str:
    """What encrypts secrets in the state: `pulumi stack init --secrets-provider` takes it."""
    return f"awskms://{secrets_alias(office)}?region={office.region}&awssdk=v2"


def environment(office: Office, *, preview: bool = False) -> str:
    """The environment on GitHub whose jobs may take the office's role."""
    return f"{office.name}-preview" if preview else office.name

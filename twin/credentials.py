"""Identities in the twin: a role of an office, taken through STS as a person or a job would take it."""

from typing import Any

import boto3

from twin import home
from twin.offices import SETTINGS, office


def assume(office_name: str, role_name: str, *, endpoint: str | None = None) -> boto3.Session:
    """A session of the office's role. Its clients take `endpoint_url`."""
    where = office(office_name)
    keys = where.client("sts", endpoint or home.running().endpoint).assume_role(
        RoleArn=f"arn:aws:iam::{where.account}:role/{role_name}", RoleSessionName=f"twin-{office_name}"
    )["Credentials"]
    return boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=where.region,
    )


def branch_client(service: str, office_name: str, *, endpoint: str | None = None) -> Any:
    """A client of the office's branch staff: it may upload `input.tar` and read results, nothing else."""
    endpoint = endpoint or home.running().endpoint
    session = assume(office_name, f"globalbi-{office_name}-branch", endpoint=endpoint)
    made: Any = session.client  # any service: not one of the stubs' overloads
    return made(service, endpoint_url=endpoint, config=SETTINGS)

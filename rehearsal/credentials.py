"""Credentials of a role for a job: prints what `aws-actions/configure-aws-credentials` puts into its
environment.
"""

import sys

import boto3

from twin import home


def main(role: str, region: str, duration_s: str) -> None:
    # Jobs of several environments run at once: the account's root, 12 digits as its key, hands the role on.
    account = role.split(":")[4]
    sts = boto3.Session(account, "local", region_name=region).client(
        "sts", endpoint_url=home.running().endpoint
    )
    keys = sts.assume_role(RoleArn=role, RoleSessionName="GitHubActions", DurationSeconds=int(duration_s))
    found = keys["Credentials"]
    for name, value in (
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_ACCESS_KEY_ID", found["AccessKeyId"]),
        ("AWS_SECRET_ACCESS_KEY", found["SecretAccessKey"]),
        ("AWS_SESSION_TOKEN", found["SessionToken"]),
    ):
        print(f"{name}={value}")


if __name__ == "__main__":
    main(*sys.argv[1:])

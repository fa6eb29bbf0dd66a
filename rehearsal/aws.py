"""`aws ecr get-login-password --profile OFFICE`, as the workflows call it."""

import argparse
import base64

import boto3


def main() -> None:
    parser = argparse.ArgumentParser(prog="aws")
    parser.add_argument("service", choices=["ecr"])
    parser.add_argument("command", choices=["get-login-password"])
    parser.add_argument("--profile", required=True)
    chosen = parser.parse_args()
    told = boto3.Session(profile_name=chosen.profile).client("ecr").get_authorization_token()
    token = base64.b64decode(told["authorizationData"][0]["authorizationToken"]).decode()
    print(token.removeprefix("AWS:"))


if __name__ == "__main__":
    main()

"""`pulumi` for the rehearsal's jobs: `preview` and `up` of the program in the working folder, in the twin.

It takes the options that the workflows give, and refuses others. The credentials are those of the job.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
import yaml

from twin import deploy, home
from twin.__main__ import Words, counted
from twin.offices import Held, Office, office
from twin.preview import preview

FAILED = 255  # as the real command


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"must be true or false, not {text!r}")
    return text == "true"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pulumi", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("preview", "up"):
        command = commands.add_parser(name)
        command.add_argument("--stack", required=True)
        command.add_argument("--non-interactive", action="store_true", required=True)
        command.add_argument("--refresh", type=_flag, nargs="?", const=True, default=False)
    commands.choices["preview"].add_argument("--json", action="store_true", required=True)
    commands.choices["preview"].add_argument("--show-sames", action="store_true", required=True)
    commands.choices["up"].add_argument("--yes", action="store_true", required=True)
    commands.choices["up"].add_argument("--skip-preview", action="store_true", required=True)
    commands.choices["up"].add_argument("--message", default="")
    return parser


def _job_as(name: str, endpoint: str) -> Office:
    """The office in the hands of the job, whatever account its credentials are of."""
    hands = boto3.Session(region_name=os.environ["AWS_REGION"])
    account = hands.client("sts", endpoint_url=endpoint).get_caller_identity()["Account"]
    where = office(name, Path.cwd())
    return Held(
        name=name,
        account=account,
        region=os.environ["AWS_REGION"],
        headquarters=where.headquarters,
        hands=hands,
    )


def _preview(arguments: argparse.Namespace, twin: home.Running) -> int:
    project = yaml.safe_load(Path("Pulumi.yaml").read_text())["name"]
    digest: dict[str, object] = {}
    code = 0
    try:
        steps = preview(
            arguments.stack,
            Path.cwd(),
            credentials=_job_as(arguments.stack, twin.endpoint),
            refresh=arguments.refresh,
            twin=twin,
        )
        digest["steps"] = [step.to_json(arguments.stack, project) for step in steps]
    except Words as fault:
        digest["diagnostics"] = [{"severity": "error", "message": f"error: {fault}"}]
        code = FAILED
    json.dump(digest, sys.stdout)
    return code


def _up(arguments: argparse.Namespace, twin: home.Running) -> int:
    try:
        changes = deploy.up(
            arguments.stack,
            Path.cwd(),
            credentials=_job_as(arguments.stack, twin.endpoint),
            refresh=arguments.refresh,
            told=lambda change: print(f"  {change}", flush=True),
            twin=twin,
        )
    except Words as fault:
        print(f"error: {fault}", file=sys.stderr)
        return FAILED
    print(f"Resources: {counted(changes)}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    return {"preview": _preview, "up": _up}[chosen.command](chosen, home.running())


if __name__ == "__main__":
    sys.exit(main())

"""`pulumi` for the rehearsal: `preview` and `up` of the program in the working folder, in the twin; `cancel`.

It takes the options that the workflows give, and refuses others. The credentials are those of the job. As
with the real command, one `up` at a time has the stack's lock, a preview asks for none, and a run that was
killed leaves it.
"""

import argparse
import getpass
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
import yaml

from twin import deploy, home
from twin.__main__ import Words, counted
from twin.offices import Held, Office, office
from twin.preview import preview

FAILED = 255  # as the real command
# As the real command says it (pulumi/pulumi, pkg/backend/diy/lock.go).
LOCKED = (
    "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the"
    " lock file with `pulumi cancel`."
)


class Died(Exception):
    """The machine is to end here, in the middle of its work."""


def lock_of(stack: str) -> Path:
    return home.home() / "locks" / f"{stack}.json"


def dies(stack: str, *, after: int) -> None:
    """The next `up` of the stack is killed after so many changes."""
    home.write(_dies(stack), str(after))


def _dies(stack: str) -> Path:
    return home.home() / "dies" / stack


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
    cancel = commands.add_parser("cancel")
    cancel.add_argument("-s", "--stack", required=True)
    cancel.add_argument("--yes", action="store_true", required=True)
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
    lock, ends_at, done = lock_of(arguments.stack), _dies(arguments.stack), 0
    most = int(ends_at.read_text()) if ends_at.exists() else None

    def told(change: deploy.Change) -> None:
        nonlocal done
        done += 1
        print(f"  {change}", flush=True)
        if most is not None and done >= most:
            raise Died

    try:
        _lock(lock)
    except FileExistsError:
        print(f"error: {LOCKED}\n  {lock}: created by {lock.read_text()}", file=sys.stderr)
        return FAILED
    try:
        changes = deploy.up(
            arguments.stack,
            Path.cwd(),
            credentials=_job_as(arguments.stack, twin.endpoint),
            refresh=arguments.refresh,
            told=told,
            twin=twin,
        )
    except Died:
        ends_at.unlink()
        os.kill(os.getpid(), signal.SIGKILL)  # the lock stays
    except Words as fault:
        print(f"error: {fault}", file=sys.stderr)
        return FAILED
    finally:
        lock.unlink()
    print(f"Resources: {counted(changes)}")
    return 0


def _lock(lock: Path) -> None:
    """Raises FileExistsError when another run has it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("x") as file:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        file.write(f"{getpass.getuser()}@{socket.gethostname()} (pid {os.getpid()}) at {when}")


def _cancel(arguments: argparse.Namespace, _: home.Running) -> int:
    lock_of(arguments.stack).unlink(missing_ok=True)
    print(f"The currently running update for '{arguments.stack}' has been canceled!")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    return {"preview": _preview, "up": _up, "cancel": _cancel}[chosen.command](chosen, home.running())


if __name__ == "__main__":
    sys.exit(main())

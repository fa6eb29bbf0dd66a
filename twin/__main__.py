"""The twin's command: `start`, `up`, `upload`, `status`, `down`."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pulumi
import typer
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.status import Status

from twin import credentials, deploy, home, terminate
from twin import status as overview
from twin.offices import UnknownOffice, office, offices
from twin.schema import UnknownInput
from twin.server import StartFailed, Twin
from twin.state import State

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
out = Console()
err = Console(stderr=True)

Words = (
    home.TwinMissing,
    UnknownOffice,
    StartFailed,
    deploy.Refused,
    pulumi.RunError,  # of the program itself, as the CLI shows it
    UnknownInput,
    ClientError,
    BotoCoreError,
    Boto3Error,  # of an upload that failed
)


@contextmanager
def said() -> Iterator[None]:
    """What went wrong in words, without a trace."""
    try:
        yield
    except Words as fault:
        err.print(f"[red]{fault}[/red]", highlight=False)
        raise typer.Exit(1) from fault


@app.command()
def start(
    port: Annotated[int, typer.Option(help="A port of 127.0.0.1; without it a free one.")] = 0,
    keep: Annotated[bool, typer.Option("--keep", help="Go on with what the last twin kept.")] = False,
) -> None:
    """Starts the twin and stays in the foreground; Ctrl-C ends it."""
    ended = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: ended.set())
    with said(), Twin(port, keep=keep) as twin:
        out.print(f"The twin runs at [bold]{twin.endpoint}[/bold]; its log is {twin.log}", soft_wrap=True)
        for each_office in offices():
            out.print(
                f"\n# {each_office.name}: for boto3 and the aws command, as the account's root",
                highlight=False,
            )
            for line in exports(twin.endpoint, each_office.account, each_office.region):
                out.print(line, highlight=False, soft_wrap=True)
        out.print("\nNow `python -m twin up`, in another shell. Ctrl-C ends the twin.")
        while not ended.wait(0.5) and twin.alive:
            pass


@app.command()
def up(names: Annotated[list[str] | None, typer.Argument(help="Offices; without any, all.")] = None) -> None:
    """Brings offices to what their stack files say, headquarters first."""
    with said():
        twin = home.running()
        wanted = [o for o in offices() if not names or o.name in names]
        for name in names or []:
            office(name)
        for each in wanted:
            with err.status(f"{each.name}: reading the program") as spinner:

                def tell(change: deploy.Change, name: str = each.name, spinner: Status = spinner) -> None:
                    spinner.update(f"{name}: {change}")

                changes = deploy.up(each.name, told=tell, twin=twin)
            out.print(f"{each.name}: {counted(changes)}", highlight=False)


@app.command()
def upload(name: str, key: str, file: Path) -> None:
    """Uploads a file to an office as its branch staff does."""
    if not file.is_file():
        err.print(f"[red]{file} is not a file[/red]")
        raise typer.Exit(1)
    with said():
        where, twin = office(name), home.running()
        bucket = State.load(name, twin.life).outputs.get("uploads_bucket")
        if bucket is None:
            err.print(f"[red]{name} is not up: run `python -m twin up {name}` first[/red]")
            raise typer.Exit(1)
        client = credentials.branch_client("s3", where.name, endpoint=twin.endpoint)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=err, transient=True) as progress:
            task = progress.add_task(file.name, total=file.stat().st_size)
            client.upload_file(
                str(file),
                bucket,
                key,
                Callback=lambda sent: progress.advance(task, sent),
                Config=TransferConfig(multipart_threshold=64 << 20, multipart_chunksize=64 << 20),
            )
        out.print(f"uploaded s3://{bucket}/{key}", highlight=False, soft_wrap=True)


@app.command()
def status() -> None:
    """What is in every office: queues, jobs, dead letters and runs."""
    with said():
        twin = home.running()
        with err.status("looking at the offices"):
            tables = overview.tables(twin)
        out.print(f"The twin runs at {twin.endpoint} (process {twin.pid})", highlight=False)
        for table in tables:
            out.print(table)


@app.command()
def down() -> None:
    """Ends the twin and its containers."""
    with said(), err.status("ending the twin"):
        terminate.running_twin()
    out.print("the twin is down")


def exports(endpoint: str, account: str, region: str) -> list[str]:
    words: dict[str, Any] = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    return [f"export {name}={value}" for name, value in words.items()]


def counted(changes: list[deploy.Change]) -> str:
    if not changes:
        return "nothing changed"
    actions = [change.action for change in changes]
    return ", ".join(
        f"{actions.count(a)} {a}d" for a in ("create", "update", "replace", "delete") if a in actions
    )


if __name__ == "__main__":
    sys.exit(app(prog_name="python -m twin"))

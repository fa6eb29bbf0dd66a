"""The command `fleet`: how the offices are reached, and its commands in the order of their need."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from components.roster import Fleet
from fleet import (
    acting,
    advancing,
    comparing,
    erasing,
    looking,
    promoting,
    recalling,
    restoring,
    retiring,
    revoking,
    verifying,
)
from fleet.access import Access
from fleet.budgets import budget
from fleet.dashboard.command import dashboard
from fleet.deliveries import deliveries
from fleet.linking import links
from fleet.options import ROOT
from fleet.output import in_words
from fleet.packing import packing
from fleet.rightsizing import rightsize
from handlers.log import logger

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def options(
    context: typer.Context,
    root: Annotated[
        Path,
        typer.Option(envvar="FLEET_ROOT", help="The folder of the offices' stack files.", show_default=False),
    ] = ROOT,
    profile: Annotated[
        str | None,
        typer.Option(envvar="FLEET_PROFILE", help="AWS profile of each office, such as 'globalbi-{office}'."),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(envvar="FLEET_ENDPOINT", help="A local stand-in for AWS, such as the twin's address."),
    ] = None,
) -> None:
    """Where is sample X, and why? Every sample of every office, for headquarters."""
    logger.setLevel(logging.CRITICAL)  # the handlers' own log lines are for CloudWatch
    if context.obj is not None:
        return  # whoever embeds the command brings its own access
    if context.invoked_subcommand == verifying.verify.__name__:
        return  # partners have no offices
    with in_words():
        context.obj = Access(fleet=Fleet.load(root), endpoint=endpoint, profile_template=profile)


for command in (
    looking.status,
    looking.samples,
    looking.sample,
    looking.logs,
    looking.watch,
    deliveries,
    budget,
    links,
    acting.doctor,
    acting.redrive,
    acting.rerun,
    acting.cancel,
    recalling.recall,
    erasing.erase,
    revoking.revoke,
    restoring.restore,
    acting.check,
    acting.rebuild,
    comparing.canary,
    promoting.promote,
    promoting.revert,
    advancing.advance,
    promoting.sync,
    retiring.retire,
    rightsize,
    packing,
    verifying.verify,
    dashboard,
):
    app.command()(command)


def main() -> None:
    app(prog_name="fleet")

"""The command `restore`: an office's ledger gets back what it has lost."""

from typing import Annotated

import typer
from botocore.exceptions import ClientError

from fleet import output
from fleet.access import Access, ledger_table
from fleet.find import NotFound
from fleet.options import JsonOption, YesOption, office_names
from fleet.output import in_words, say, tell
from fleet.restore import restore as put_back
from fleet.text import plain


def restore(
    context: typer.Context,
    office: Annotated[str, typer.Argument(help="The office.", autocompletion=office_names)],
    table: Annotated[
        str, typer.Option("--from", help="The table that DynamoDB restored to a point in time.")
    ],
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put back into an office's ledger what it lacks and a restored table has. Nothing is overwritten, and
    nothing of erased samples comes back; twice is the same.
    """
    access: Access = context.obj
    with in_words():
        home = access.fleet.office(office)
        if not yes:
            output.agree(f"What {ledger_table(home)} lacks is put back from {plain(table)}.")
        try:
            fates = put_back(access, home, table)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise NotFound(f"{home.name} has no table {plain(table)} in {home.region}") from error
    if as_json:
        tell({"office": home.name, "from": table, **fates})
        return
    say("; ".join(f"{count} {fate}" for fate, count in fates.items()))
    say("Reconcile finds what has happened since within minutes; then `fleet check` compares.")

"""The command `revoke`: a lost branch key is shut out, and what was done with it is listed."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from fleet import output
from fleet import revoke as closing
from fleet.access import Access
from fleet.options import JsonOption, YesOption, now, office_names, time_option
from fleet.output import in_words, say, tell
from fleet.show import table
from fleet.text import cell

READS = (
    "What was read, S3 tells only to a trail of data events: ask the account's own for"
    " userIdentity.sessionContext.sessionIssuer.userName = {role}."
)


def revoke(
    context: typer.Context,
    office: Annotated[str, typer.Argument(help="The office.", autocompletion=office_names)],
    since: Annotated[
        str, typer.Option("--since", help="List what was done since then: 90min, 12h, 7d or a date.")
    ] = "7d",
    reopen: Annotated[
        bool, typer.Option("--reopen", help="The lost key is gone: let in who takes the role from now on.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Close an office's branch role at once, to all sessions, and list what was done with it.

    Uploads and analyses that are under way go on. `--reopen` ends it; sessions from before stay shut out.
    """
    access: Access = context.obj
    with in_words():
        home = access.fleet.office(office)
        start = datetime.fromisoformat(time_option(since))
        role = closing.branch_role(home)
        if not yes:
            output.agree(
                f"{role} lets in who takes it from now on; every session from before stays shut out."
                if reopen
                else f"Nobody can use {role} any more, until `fleet revoke {home.name} --reopen`."
            )
        if reopen:
            closing.reopen(access, home, now())
        else:
            closing.revoke(access, home)
        found = list(closing.uploads(access, home, start))
        who = closing.sessions(access, home, start)
    told = {
        "office": home.name,
        "role": role,
        "state": "reopened" if reopen else "closed",
        "uploads": [asdict(each) for each in found],
        "sessions": who,
    }
    if as_json:
        tell(told)
        return
    made = table("when (UTC)", "uploaded", "version", "bytes", "run")
    for each in found:
        made.add_row(
            cell(each.at), cell(each.key), cell(each.version_id), cell(each.size), cell(each.run_id or "none")
        )
    output.show(made)
    say(f"{role} is {told['state']}. {len(found)} uploads since {start.isoformat(timespec='minutes')}.")
    if isinstance(who, str):
        say(f"Who took the role could not be asked: {who}")
    else:
        for one in who:
            say(f"{one['at']}  {one['what']}  {one['by']}  from {one['from']}  {one['session']}")
    say(READS.format(role=role))
    say(f"A wrong upload is taken back by `fleet recall --upload {home.name} KEY VERSION`.")

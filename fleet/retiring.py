"""Retire: what an office still has, before anybody gives it up. Nothing is changed."""

from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from components.office import Office
from fleet.access import Access, bucket
from fleet.options import office_names
from fleet.output import Refused, in_words, say
from handlers import ledger

# Enough to know that there is something: nobody deletes an office for having few.
MOST_COUNTED = 1000
CONTENTS = ("uploads", "results")


@dataclass(frozen=True, kw_only=True)
class Left:
    """So many of `what` are there, up to MOST_COUNTED, and what to do about them first."""

    count: int
    what: str
    way_out: str

    @property
    def words(self) -> str:
        number = f"{self.count} or more" if self.count >= MOST_COUNTED else str(self.count)
        return f"{number} {self.what}: {self.way_out}"


def retire(
    context: typer.Context,
    office: Annotated[str, typer.Argument(help="The office.", autocompletion=office_names)],
) -> None:
    """What an office still has, and how it would be given up. Changes nothing.

    Exit code 5 while runs or data are there.
    """
    access: Access = context.obj
    with in_words():
        home = access.fleet.office(office)
        found = left(access, home)
        for each in found:
            say(f"{home.name}: {each.words}")
        if found:
            raise Refused(f"{home.name} has runs or data: Pulumi keeps them from `pulumi destroy`, too")
    say(
        f"{home.name} has neither runs nor data. Give up what is protected, `pulumi destroy -s {home.name}`,"
        f" then remove {home.file}: docs/gitops.md, Give up an office."
    )


def left(access: Access, office: Office) -> list[Left]:
    """Open runs, and versions of uploads and results; empty when there is nothing."""
    runs = sum(1 for _ in islice(_open_runs(access, office), MOST_COUNTED))
    found = [Left(count=runs, what="open runs", way_out="let them end, or `fleet cancel` them")]
    found += [
        Left(
            count=_versions(access, office, name),
            what=f"versions in {name}",
            way_out="keep what must be kept elsewhere, then empty the bucket by hand",
        )
        for name in (bucket(office, content) for content in CONTENTS)
    ]
    return [each for each in found if each.count]


def _open_runs(access: Access, office: Office) -> Any:
    try:
        yield from ledger.open_runs(access.context(office))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise


def _versions(access: Access, office: Office, name: str) -> int:
    """Of objects, those that were deleted included: they can be had back."""
    try:
        page = access.client("s3", office).list_object_versions(Bucket=name, MaxKeys=MOST_COUNTED)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchBucket", "404"):
            raise
        return 0
    return len(page.get("Versions", [])) + len(page.get("DeleteMarkers", []))

"""The command `verify`: whether a result's passport is the office's, and the files beside it what it says.

It needs the passport and the office's public key, and neither AWS nor the network: partners run it too.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from fleet.options import JsonOption
from fleet.output import Exit, Refused, in_words, say, show_line, tell
from fleet.passports import Compared, Passport, Unreadable, compare, fingerprint, public_key
from fleet.text import plain

CRATE = "ro-crate-metadata.json"
_File = typer.Argument(help="The passport.json of a result.", exists=True, dir_okay=False)


def verify(
    file: Annotated[Path, _File],
    key: Annotated[
        Path, typer.Option("--key", help="The office's public key, in PEM.", exists=True, dir_okay=False)
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="Where the files are; without it beside the passport.", file_okay=False
        ),
    ] = None,
    crate: Annotated[
        Path | None,
        typer.Option("--crate", help=f"Write the signed text into this folder, as {CRATE}.", file_okay=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Verify a result's passport, and the files beside it, offline.

    Exit code 1 if the signature is another key's, or a file is not what the passport says. Files that are not
    there are named, and no fault.
    """
    with in_words():
        try:
            office, read = public_key(key.read_bytes()), Passport.read(file.read_bytes())
        except Unreadable as error:
            raise Refused(str(error)) from error
        if not read.signed_by(office):
            say(f"{file}: not signed by {fingerprint(office)}, or changed since: believe nothing it says")
            raise typer.Exit(Exit.TROUBLE)
        found = compare(read.files, folder or file.parent)
        if crate is not None:
            crate.mkdir(parents=True, exist_ok=True)
            (crate / CRATE).write_text(read.crate)
    told = {"key": fingerprint(office), **_of(read), "files": found.told()}
    if as_json:
        tell(told)
    else:
        _say(told, found)
    if found.different:
        raise typer.Exit(Exit.TROUBLE)


def _of(read: Passport) -> dict[str, Any]:
    return {
        "run_id": read.run_id,
        "name": read.root["name"],
        "published": read.root["datePublished"],
        "images": read.images,
    }


def _say(told: dict[str, Any], found: Compared) -> None:
    lines = [
        f"signed by  {told['key']}",
        f"run        {told['run_id']}",
        f"results    {told['name']}, {told['published']}",
        *(f"image      {image}" for image in told["images"]),
        f"files      {len(found.same)} as the passport says, {len(found.absent)} not here",
        *(f"not here   {path}" for path in found.absent),
        *(f"DIFFERENT  {path}" for path in found.different),
    ]
    for line in lines:
        show_line(plain(line))

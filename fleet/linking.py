"""`links`: a delivery to a partner without a bucket, as a page of links that end by themselves.

A link is signed with the session of whoever makes it, and dies with that: nothing else in the office could
sign one, no key for it is kept, and no address of the office is open to the world.
"""

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.config import Config

from components.office import Office
from fleet.access import Access, Session
from fleet.find import NotFound
from fleet.options import JsonOption, OfficeOption, chosen, now
from fleet.output import Refused, in_words, say, tell
from fleet.text import plain
from handlers import delivery_ledger, ledger
from handlers.agreement import Agreement
from handlers.context import Context, iso
from handlers.delivery_plan import (
    ACKNOWLEDGED,
    DELIVERED,
    MANIFEST,
    RECEIPT,
    SUPERSEDED,
    Delivery,
    delivery_id_of,
)
from handlers.items import natural

# AWS: a signature of version 4 is good for seven days at most, and never longer than the session that signs.
MOST_HOURS = 168
LEAST_LEFT = timedelta(minutes=15)
# The body is not known yet when the receipt's link is signed: no checksum of it may be in there.
_SIGNING = Config(signature_version="s3v4", request_checksum_calculation="when_required")
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>Results of {sample}</title>
<h1>Results of {sample}</h1>
<p>Delivery {delivery}. These links are good until <strong>{until} UTC</strong>, for whoever has them: pass
them on to nobody. If they have ended, ask {office} for new ones.</p>
<table><tr><th>file<th>bytes<th>SHA-256</tr>
{rows}
</table>
<h2>When you have them</h2>
<p>Compare each file's SHA-256, then answer, so that the office knows. With the first link's file saved as
delivery.json:</p>
<pre>printf '%s' '{receipt}' | curl --fail --upload-file - '{answer}'</pre>
<p>If something is wrong, say <code>"accepted": false</code> and add a <code>"reason"</code>.</p>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Linked:
    """One delivery with its links. `files`: path, size, SHA-256 and link of each."""

    delivery: Delivery
    until: str
    manifest: str
    files: list[Mapping[str, Any]]
    answer: str  # where the receipt is put

    @property
    def receipt(self) -> dict[str, Any]:
        return {
            "delivery": self.delivery.delivery_id,
            "manifest_sha256": self.delivery.manifest_sha256,
            "accepted": True,
        }


def links(
    context: typer.Context,
    delivery: Annotated[str, typer.Argument(help="A delivery's id, or its beginning (`fleet deliveries`).")],
    office: OfficeOption = None,
    hours: Annotated[
        int, typer.Option(min=1, max=MOST_HOURS, help="How long; never longer than your own session.")
    ] = 12,
    out: Annotated[Path, typer.Option(help="Where the page and links.json are written.")] = Path(),
    as_json: JsonOption = False,
) -> None:
    """Make links of a delivery to a partner without a bucket: a page to send to its contact."""
    access: Access = context.obj
    with in_words():
        where, known = _find(access, office, delivery)
        linked = make(access, where, known, timedelta(hours=hours))
        folder = out / known.delivery_id
        folder.mkdir(parents=True, exist_ok=True)
        told = _told(linked)
        (folder / "links.json").write_text(json.dumps(told, indent=1) + "\n")
        (folder / "links.html").write_text(_page(linked, where))
        by = access.client("sts", where).get_caller_identity()["Arn"]
        delivery_ledger.note_links(access.context(where), known.delivery_id, linked.until, by)
    if as_json:
        tell(told)
        return
    contact = where.settings.partners[known.partner].contact
    say(
        f"{folder / 'links.html'}: {len(linked.files)} files, good until {linked.until}."
        f" Send it to {contact}."
    )


def make(access: Access, office: Office, known: Delivery, wanted: timedelta) -> Linked:
    """The links; `Refused` where there can be none."""
    context, agreement = access.context(office), _agreement(office, known)
    _refuse_unless_whole(context, agreement, known)
    session = access.session(office)
    seconds = int(_lasting(session, wanted).total_seconds())
    until = iso((now() + timedelta(seconds=seconds)).timestamp())
    signer = session.client("s3", _SIGNING)

    def link(bucket: str, key: str, *, put: bool = False) -> str:
        name = key.rpartition("/")[2]
        shown = {} if put else {"ResponseContentDisposition": f'attachment; filename="{_plain_name(name)}"'}
        signed: str = signer.generate_presigned_url(
            "put_object" if put else "get_object",
            Params={"Bucket": bucket, "Key": key, **shown},
            ExpiresIn=seconds,
        )
        return signed

    folder = f"{agreement.prefix}{known.delivery_id}/"
    run = ledger.read_run(context, known.run_id)
    if run is None:
        raise NotFound(f"the ledger of {office.name} has no run {known.run_id}")
    files = _manifest(context, agreement, known)["files"]
    return Linked(
        delivery=known,
        until=until,
        manifest=link(agreement.bucket, f"{folder}{MANIFEST}"),
        files=[
            {**each, "url": link(context.office.results, f"{run.results_prefix}{each['path']}")}
            for each in files
        ],
        answer=link(agreement.bucket, f"{folder}{RECEIPT}", put=True),
    )


def _find(access: Access, office: str | None, beginning: str) -> tuple[Office, Delivery]:
    found = [
        (where, each)
        for where in chosen(access, [office] if office else None)
        if any(agreement.links for agreement in where.agreements)
        for each in _deliveries(access, where)
        if each.delivery_id.startswith(beginning)
    ]
    if not found:
        raise NotFound(f"no office that sends links has a delivery {plain(beginning)!r}")
    if len(found) > 1:
        ids = ", ".join(each.delivery_id[:16] for _, each in found[:5])
        raise Refused(f"{len(found)} deliveries begin so ({ids} …): give more of the id")
    return found[0]


def _deliveries(access: Access, office: Office) -> list[Delivery]:
    pages = (
        access.client("dynamodb", office)
        .get_paginator("scan")
        .paginate(
            TableName=access.context(office).office.ledger,
            FilterExpression="sk = :delivery",
            ExpressionAttributeValues={":delivery": {"S": "delivery"}},
        )
    )
    return [delivery_ledger.delivery_of(natural(item)) for page in pages for item in page["Items"]]


def _agreement(office: Office, known: Delivery) -> Agreement:
    for each in office.agreements:
        if each.covers(known.place) and delivery_id_of(each, known.run_id) == known.delivery_id:
            if not each.links:
                raise Refused(f"{known.partner} has a bucket: {known.delivery_id} is copied into it")
            return each
    raise Refused(f"{office.file} has no delivery like {known.delivery_id} any more")


def _refuse_unless_whole(context: Context, agreement: Agreement, known: Delivery) -> None:
    if known.state == SUPERSEDED:
        newer = delivery_ledger.latest_of(context, agreement.partner, known.place)
        raise Refused(f"{known.delivery_id} is superseded: {newer} has the newer results")
    if known.state not in (DELIVERED, ACKNOWLEDGED):
        why = f" ({known.reason})" if known.reason else ""
        raise Refused(f"{known.delivery_id} is {known.state}{why}: it has links once it is {DELIVERED}")


def _manifest(context: Context, agreement: Agreement, known: Delivery) -> Mapping[str, Any]:
    key = f"{agreement.prefix}{known.delivery_id}/{MANIFEST}"
    body = context.clients.s3.get_object(Bucket=agreement.bucket, Key=key)["Body"].read()
    if hashlib.sha256(body).hexdigest() != known.manifest_sha256:
        raise Refused(f"{key} is not the manifest that the ledger knows: nothing is sent")
    found: Mapping[str, Any] = json.loads(body)
    return found


def _lasting(session: Session, wanted: timedelta) -> timedelta:
    """As long as wanted, or as long as the session lives."""
    credentials = session.boto.get_credentials()
    if credentials is None:
        raise Refused("there are no credentials to sign with")
    if credentials.get_frozen_credentials().token is None:
        return wanted
    ends: datetime | None = getattr(credentials, "_expiry_time", None)
    if ends is None:
        raise Refused(
            "nobody can tell how long these links would live: credentials in the environment do not say when"
            " they end. Sign in by a profile (`aws sso login`)."
        )
    left = ends - datetime.now(UTC)
    if left < LEAST_LEFT:
        raise Refused(f"your session ends in {max(0, int(left.total_seconds() / 60))} minutes: sign in again")
    return min(wanted, left)


def _told(linked: Linked) -> dict[str, Any]:
    return {
        "delivery": linked.delivery.delivery_id,
        "partner": linked.delivery.partner,
        "until": linked.until,
        "manifest": {"sha256": linked.delivery.manifest_sha256, "url": linked.manifest},
        "files": linked.files,
        "receipt": {"put": linked.answer, "body": linked.receipt},
    }


def _page(linked: Linked, office: Office) -> str:
    rows = [
        f'<tr><td><a href="{html.escape(url)}">{html.escape(plain(name))}</a>'
        f"<td>{size}<td><code>{sha}</code></tr>"
        for name, url, size, sha in (
            (MANIFEST, linked.manifest, "", linked.delivery.manifest_sha256),
            *((each["path"], each["url"], each["size"], each["sha256"]) for each in linked.files),
        )
    ]
    return _PAGE.format(
        sample=html.escape(plain(linked.delivery.sample)),
        delivery=linked.delivery.delivery_id,
        until=linked.until[:16].replace("T", " "),
        office=html.escape(", ".join(office.settings.contacts)),
        rows="\n".join(rows),
        receipt=html.escape(json.dumps(linked.receipt)),
        answer=html.escape(linked.answer),
    )


def _plain_name(name: str) -> str:
    """A header's value: whatever could end it is left out."""
    return "".join(each if (each.isalnum() and each.isascii()) or each in "._-" else "_" for each in name)

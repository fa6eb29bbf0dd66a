"""Samples of a rehearsal: a branch uploads a community of known composition, and the office analyses it."""

import time
from dataclasses import dataclass, field
from typing import Any

from canary.mock import Community
from components.names import bucket_name
from fleet.access import fleet_table
from handlers.items import natural as read
from handlers.run import TERMINAL
from rehearsal import Broken
from rehearsal.registry import PIPELINE
from twin import credentials
from twin.offices import office
from twin.server import Twin

PROJECT = "rehearsal"
PATIENCE_S = 300
EVERY_S = 0.5


@dataclass(kw_only=True)
class Samples:
    twin: Twin
    headquarters: str
    made: Community
    _names: dict[str, int] = field(default_factory=dict)

    def publish_references(self) -> None:
        """Into headquarters' bucket, from where they replicate."""
        name = bucket_name(self.headquarters, "references", office(self.headquarters).account)
        s3 = self.twin.client("s3", self.headquarters)
        for path in sorted(self.made.references.rglob("*")):
            if path.is_file():
                s3.upload_file(str(path), name, str(path.relative_to(self.made.references)))

    def analysed(self, where: str) -> dict[str, Any]:
        """Headquarters' row of a new sample of the office, once it has ended. Raises Broken."""
        number = self._names[where] = self._names.get(where, 0) + 1
        key = f"{PIPELINE}/{PROJECT}/S{number}/input.tar"
        branch = credentials.branch_client("s3", where)
        uploads = bucket_name(where, "uploads", office(where).account)
        branch.upload_file(str(self.made.input_tar), uploads, key)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for row in self._rows(where, f"S{number}"):
                if row["state"] in TERMINAL:
                    return row
            time.sleep(EVERY_S)
        raise Broken(f"{where}'s sample S{number} did not end in {PATIENCE_S} s, as headquarters sees it")

    def _rows(self, where: str, sample: str) -> list[dict[str, Any]]:
        dynamodb = self.twin.client("dynamodb", self.headquarters)
        pages = dynamodb.get_paginator("scan").paginate(TableName=fleet_table())
        rows = [dict(read(item)) for page in pages for item in page["Items"]]
        return [row for row in rows if (row.get("office"), row.get("sample")) == (where, sample)]

"""Copied: what a stack file brings along that can be another office's only.

A new office often begins as a copy of another's file. What Pulumi wrote there for that office's secrets, and
the buckets of that office's partners, must not come along.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.faults import InvalidOffices
from components.names import secrets_alias
from components.office import FILE_NAME, Office
from components.yaml_file import read_mapping

SHOWN = 12  # characters of a key: it is long, and its start is enough to find it


def secrets_faults(paths: Sequence[Path]) -> Iterator[str]:
    """Of the stack files' own keys, whatever else is wrong in the files."""
    files = {found[1]: _document(path) for path in paths if (found := FILE_NAME.fullmatch(path.name))}
    by_key: dict[str, list[str]] = defaultdict(list)
    for name, document in files.items():
        provider, key = (str(document.get(each) or "") for each in ("secretsprovider", "encryptedkey"))
        for other in files.keys() - {name}:
            if re.search(rf"{re.escape(secrets_alias(other))}(\?|$)", provider):
                yield (
                    f"Pulumi.{name}.yaml: secretsprovider must name the office's own key, "
                    f"{secrets_alias(name)}, not {other}'s {provider!r}: {_way_out(name)}"
                )
        if key:
            by_key[key].append(name)
    for key, names in by_key.items():
        if len(names) > 1:
            yield (
                f"{' and '.join(f'Pulumi.{name}.yaml' for name in names)}: encryptedkey must be of one "
                f"office, not {key[:SHOWN] + '…'!r} in {len(names)} files: in the copy, {_way_out('OFFICE')}"
            )


def bucket_faults(offices: Sequence[Office]) -> Iterator[str]:
    """A bucket is in one region, and deliveries stay in theirs: offices of two regions cannot share one."""
    by_bucket: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for office in offices:
        for name, partner in office.settings.partners.items():
            if partner.bucket:
                where = f"{office.file}: globalbi:partners.{name}.bucket"
                by_bucket[partner.bucket][office.region].append(where)
    for bucket, by_region in by_bucket.items():
        for region, places in by_region.items():
            others = ", ".join(sorted(by_region.keys() - {region}))
            if others:
                yield from (
                    f"{where} must be in the office's region {region}, not {bucket!r}, which an office in "
                    f"{others} names too: ask the partner for a bucket in {region}, or take the partner out"
                    for where in places
                )


def _way_out(office: str) -> str:
    return (
        "take out secretsprovider and encryptedkey; `pulumi stack init`, as `.venv/bin/python -m bootstrap "
        f"{office}` prints it, writes the office's own"
    )


def _document(path: Path) -> Mapping[Any, Any]:
    try:
        return read_mapping(path, path.name)[0]
    except InvalidOffices:
        return {}  # the office's own faults tell of it

"""Fetched results are proven against their manifest."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from demo.results import Incomplete, fetch


class Bucket:
    """Just enough of an S3 client: objects by key."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's own names
        return {"Body": io.BytesIO(self.objects[Key])}

    def download_file(self, bucket: str, key: str, target: str) -> None:
        Path(target).write_bytes(self.objects[key])


def published(content: bytes, listed: bytes) -> Bucket:
    entry = {
        "path": "abundance/species.tsv",
        "size": len(listed),
        "sha256": hashlib.sha256(listed).hexdigest(),
    }
    manifest = json.dumps({"run_id": "r1", "files": [entry]}).encode()
    return Bucket({"p/manifest.json": manifest, "p/abundance/species.tsv": content})


def test_whole_results_are_fetched(tmp_path: Path) -> None:
    """A person finds the files under the names of the manifest."""
    fetched = fetch(published(b"table", b"table"), "results", "p/", tmp_path)
    assert fetched.manifest["run_id"] == "r1"
    assert (tmp_path / "abundance" / "species.tsv").read_bytes() == b"table"


@pytest.mark.parametrize("content", [b"tablE", b"tab"])
def test_a_file_that_differs_from_its_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that changed on the way would otherwise be read as a result."""
    with pytest.raises(Incomplete, match=r"species\.tsv"):
        fetch(published(content, b"table"), "results", "p/", tmp_path)

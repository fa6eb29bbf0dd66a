"""Assets and archives of a Pulumi program: their content as a digest for the state, and as a zip for
Lambda.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi.runtime import rpc

EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest time that zip knows: the same files always give the same bytes
MARK = "digest of content"


def members(value: Any, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Every file of an archive: its name inside, and its bytes."""
    if isinstance(value, pulumi.AssetArchive):
        for name, inner in sorted(value.assets.items()):
            yield from members(inner, f"{prefix}/{name}" if prefix else name)
    elif isinstance(value, pulumi.FileArchive):
        folder = Path(value.path)
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            yield f"{prefix}/{path.relative_to(folder).as_posix()}".lstrip("/"), path.read_bytes()
    elif isinstance(value, pulumi.FileAsset):
        yield prefix, Path(value.path).read_bytes()
    elif isinstance(value, pulumi.StringAsset):
        yield prefix, value.text.encode()
    else:
        raise NotImplementedError(
            f"an archive with {type(value).__name__} at {prefix!r}: add it in twin/archive.py"
        )


def zipped(value: Any) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members(value):
            info = zipfile.ZipInfo(name, EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return whole.getvalue()


def plain(value: Any) -> Any:
    """Inputs as they are kept and compared: whole numbers as int, assets as the digest of what they hold."""
    if isinstance(value, Unknown):
        return rpc.UNKNOWN
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():  # Pulumi sends every number as a float
        return int(value)
    if isinstance(value, (pulumi.Archive, pulumi.Asset)):
        digest = hashlib.sha256()
        for name, content in members(value):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return {MARK: digest.hexdigest()}
    return value


def whole(value: Any) -> Any:
    """As `plain`, with the assets themselves."""
    if isinstance(value, Mapping):
        return {str(k): whole(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [whole(v) for v in value]
    return value if isinstance(value, (pulumi.Archive, pulumi.Asset)) else plain(value)

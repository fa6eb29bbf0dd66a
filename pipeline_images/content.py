"""What an image is made of, as one hash: its folder's files and what it stands on."""

import hashlib
from pathlib import Path

LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def content_hash(folder: Path, stands_on: str) -> str:
    """Over every file's path, executable bit and bytes; dates, owners and documents do not count."""
    total = hashlib.sha256(stands_on.encode() + b"\0")
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        relative = path.relative_to(folder)
        if LEFT_OUT.intersection(relative.parts) or path.suffix in (".pyc", ".md") or not path.is_file():
            continue
        mode = b"x" if path.stat().st_mode & 0o100 else b"-"
        # Each part with its length, so that no two folders can read the same.
        for part in (relative.as_posix().encode(), mode, path.read_bytes()):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()

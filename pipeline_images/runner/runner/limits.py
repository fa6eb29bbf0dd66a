"""Caps on what one archive may hold; more is refused before it can fill a disk or a table."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    members: int = 10_000  # headers walked: files, folders and PAX global headers
    total_bytes: int = 1 << 40  # sum of the files' sizes
    path_bytes: int = 1024
    name_bytes: int = 255  # NAME_MAX of the common file systems
    depth: int = 32
    extension_bytes: int = 64 << 10  # body of one GNU long name or PAX header
    # Zeros after the last member. tar pads to its record: 10 KiB, and at most 1 MiB (-b 2048) in use. More
    # zeros than that are a download that was cut and never filled.
    padding_bytes: int = MIB

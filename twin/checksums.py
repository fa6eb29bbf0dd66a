"""S3 stores a CRC64NVME of an object for which the client sent no checksum; ministack stores none.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from typing import Any

import numpy as np
from ministack.services import s3  # type: ignore[import-untyped]

LANES = 4096  # parts of the object that are worked on side by side
_resolve = s3._resolve_object_checksums
_plain = s3._crc64nvme
_TABLE = np.array(s3._CRC64NVME_TABLE, dtype=np.uint64)
_ALL = 0xFFFFFFFFFFFFFFFF


def crc64nvme(body: bytes) -> int:
    """As ministack's own, some hundred times faster."""
    width = len(body) // LANES
    if width < 64:
        return int(_plain(body))
    lanes = np.frombuffer(body, dtype=np.uint8, count=width * LANES).reshape(LANES, width).T.copy()
    crc = np.zeros(LANES, dtype=np.uint64)
    crc[0] = _ALL
    for column in lanes:
        crc = _TABLE[(crc & np.uint64(0xFF)).astype(np.uint8) ^ column] ^ (crc >> np.uint64(8))
    # A lane's remainder moves on over the `width` bytes of each later lane.
    shift = _zeros(width)
    total = 0
    for value in crc.tolist():
        total = _times(shift, total) ^ value
    for byte in body[width * LANES :]:
        total = int(s3._CRC64NVME_TABLE[(total ^ byte) & 0xFF]) ^ (total >> 8)
    return total ^ _ALL


def _times(matrix: list[int], vector: int) -> int:
    result = 0
    for row in matrix:
        if not vector:
            break
        if vector & 1:
            result ^= row
        vector >>= 1
    return result


def _zeros(count: int) -> list[int]:
    """The matrix over GF(2) that moves a remainder on over `count` zero bytes."""
    step = [int(s3._CRC64NVME_TABLE[(1 << bit) & 0xFF]) ^ ((1 << bit) >> 8) for bit in range(64)]
    result = [1 << bit for bit in range(64)]
    while count:
        if count & 1:
            result = [_times(step, row) for row in result]
        step = [_times(step, row) for row in step]
        count >>= 1
    return result


def resolve(body: bytes, headers: dict[str, str]) -> Any:
    checksums, refusal = _resolve(body, headers)
    if refusal is None and not checksums:
        checksums = {"CRC64NVME": s3._compute_s3_checksum("CRC64NVME", body)}
    return checksums, refusal


def install() -> None:
    s3._crc64nvme = crc64nvme
    s3._resolve_object_checksums = resolve

"""Passports, read and verified: with the office's public key alone, without AWS and without the network.

`handlers.passport` writes them. What is signed is the text of the crate, so it is looked at only after its
signature.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from handlers.passport import ALGORITHM, SCHEMA

PublicKey = ec.EllipticCurvePublicKey


class Unreadable(Exception):
    """This is no passport, or no public key, and why."""


@dataclass(frozen=True, kw_only=True)
class Passport:
    """A passport; `crate` is the text that is signed, `key` names the key that the office says it used."""

    key: str
    signature: bytes
    crate: str

    @classmethod
    def read(cls, body: bytes) -> "Passport":
        """Raises Unreadable."""
        try:
            told = json.loads(body)
            if (told["schema"], told["algorithm"]) != (SCHEMA, ALGORITHM):
                raise Unreadable(
                    f"a passport has schema {SCHEMA} and {ALGORITHM}, not {told['schema']!r} and"
                    f" {told['algorithm']!r}: is there a newer fleet?"
                )
            signature = base64.b64decode(told["signature"], validate=True)
            crate = told["crate"].encode("ascii").decode()
            return cls(key=str(told["key"]), signature=signature, crate=crate)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"it is no passport: {error!r}") from error

    def signed_by(self, key: PublicKey) -> bool:
        try:
            key.verify(self.signature, self.crate.encode(), ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    @cached_property
    def _entities(self) -> Mapping[str, Any]:
        return {each["@id"]: each for each in json.loads(self.crate)["@graph"]}

    @property
    def root(self) -> Mapping[str, Any]:
        """The crate's own entity: what the results are, and when they were published."""
        root: Mapping[str, Any] = self._entities["./"]
        return root

    @property
    def run_id(self) -> str:
        return str(self.root["identifier"])

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 in hex of every file of the results, by its path."""
        return {
            unquote(part["@id"]): str(self._entities[part["@id"]]["sha256"]) for part in self.root["hasPart"]
        }

    @property
    def images(self) -> list[str]:
        """The image of every step, in the order they ran, as name and digest."""
        return [
            f"{each['name']}@sha256:{each['sha256']}"
            for each in self._entities.values()
            if each["@type"] == "ContainerImage"
        ]


def public_key(pem: bytes) -> PublicKey:
    """Raises Unreadable."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise Unreadable(f"it is no public key in PEM: {error}") from error
    if not isinstance(key, PublicKey):
        raise Unreadable("an office's key is one on an elliptic curve")
    return key


def fingerprint(key: PublicKey) -> str:
    """SHA-256 of the key in DER: what two people compare to know that they mean the same key."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The files beside a passport: which are as it says, which are not there, which are others."""

    same: tuple[str, ...]
    absent: tuple[str, ...]
    different: tuple[str, ...]

    def told(self) -> dict[str, list[str]]:
        """For programs."""
        return {name: list(paths) for name, paths in asdict(self).items()}


def compare(files: Mapping[str, str], folder: Path) -> Compared:
    """Read the files below `folder`, as far as they are there. A path out of it is not followed."""
    inside = folder.resolve()
    found: dict[str, list[str]] = {"same": [], "absent": [], "different": []}
    for path, sha256 in sorted(files.items()):
        place = (inside / path).resolve()
        if not place.is_relative_to(inside):
            found["different"].append(path)
        elif not place.is_file():
            found["absent"].append(path)
        else:
            with place.open("rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            found["same" if same else "different"].append(path)
    return Compared(**{name: tuple(paths) for name, paths in found.items()})

"""`fleet verify`: what a partner finds out with the passport, the public key and nothing else."""

import base64
import hashlib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner

from fleet.app import app
from handlers.passport import PASSPORT, passport_of
from handlers.passport_key import pem
from tests.handlers.aws_fakes import RESULTS, SIGNING_KEY, World
from tests.handlers.conftest import world
from tests.handlers.lab import succeeded

__all__ = ["world"]


@dataclass(frozen=True, kw_only=True)
class Partner:
    """A folder with what was delivered, and the office's key."""

    folder: Path
    key: Path

    def verify(self, *more: str, key: Path | None = None) -> tuple[int, str, str]:
        words = ["verify", str(self.folder / PASSPORT), "--key", str(key or self.key), *more]
        # No offices' files: a partner has none.
        result = CliRunner().invoke(app, ["--root", "/nowhere", *words])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def change(self, **changes: Any) -> None:
        file = self.folder / PASSPORT
        file.write_text(json.dumps({**json.loads(file.read_bytes()), **changes}))


def der(key: Any) -> bytes:
    made: bytes = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made


@pytest.fixture
def partner(world: World, tmp_path: Path) -> Partner:
    run = world.run_item(succeeded(world))
    for name in ("report.html", PASSPORT):
        (tmp_path / name).write_bytes(world.objects[(RESULTS, f"{run['results_prefix']}{name}")][-1].body)
    key = tmp_path / "office.pem"
    key.write_bytes(pem(der(SIGNING_KEY)))
    return Partner(folder=tmp_path, key=key)


def signed(partner: Partner, files: dict[str, str]) -> None:
    """A passport of the office's own, with these files."""
    parts: list[dict[str, Any]] = [
        {"@id": path, "@type": "File", "sha256": each} for path, each in files.items()
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "identifier": "r1",
        "name": "n\x1b[31m",
        "datePublished": "2026",
        "hasPart": [{"@id": each["@id"]} for each in parts],
    }
    crate = json.dumps({"@graph": [root, *parts]})
    signature = SIGNING_KEY.sign(crate.encode(), ec.ECDSA(SHA256()))
    (partner.folder / PASSPORT).write_bytes(passport_of(crate, "key", signature))


def test_a_whole_delivery_is_verified_and_says_what_is_not_there(partner: Partner) -> None:
    """A partner who gets half of the files must neither be alarmed nor believe it has all."""
    code, out, _ = partner.verify()
    assert code == 0
    assert f"sha256:{hashlib.sha256(der(SIGNING_KEY)).hexdigest()}" in out
    assert "image      globalbi/metagenome@sha256:" in out
    assert "files      1 as the passport says, 1 not here" in out
    assert "not here   manifest.json" in out
    told = json.loads(partner.verify("--json")[1])
    assert told["files"] == {"same": ["report.html"], "absent": ["manifest.json"], "different": []}


def test_a_changed_file_is_named(partner: Partner) -> None:
    """One number in a table is all it takes."""
    (partner.folder / "report.html").write_bytes(b"<html>better</html>")
    code, out, _ = partner.verify()
    assert code == 1
    assert "DIFFERENT  report.html" in out


def test_a_changed_crate_or_signature_is_believed_in_nothing(partner: Partner) -> None:
    """Whoever changed a file would change its hash, too."""
    told = json.loads((partner.folder / PASSPORT).read_bytes())
    partner.change(crate=told["crate"].replace("soil/S1", "soil/S2"))
    code, out, err = partner.verify()
    assert (code, out) == (1, "")
    assert "believe nothing" in err
    other = SIGNING_KEY.sign(b"another text", ec.ECDSA(SHA256()))
    partner.change(crate=told["crate"], signature=base64.b64encode(other).decode())
    assert partner.verify()[0] == 1


def test_another_offices_key_does_not_verify(partner: Partner, tmp_path: Path) -> None:
    """Else any key would do."""
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(pem(der(ec.generate_private_key(ec.SECP256R1()))))
    assert partner.verify(key=stranger)[0] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "none"},
        {"schema": 2},
        {"signature": "?"},
        {"signature": None},
        {"crate": None},
        {"crate": "\ud800"},
    ],
)
def test_what_is_no_passport_is_refused_in_words(partner: Partner, changes: dict[str, Any]) -> None:
    """A traceback is no answer; and an algorithm of the forger's choice verifies everything."""
    partner.change(**changes)
    code, out, err = partner.verify()
    assert (code, out) == (5, "")
    assert "passport" in err


@pytest.mark.parametrize("text", [b"", b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n", None])
def test_what_is_no_key_of_an_office_is_refused_in_words(partner: Partner, text: bytes | None) -> None:
    """The wrong file under --key must not look like a forged passport."""
    partner.key.write_bytes(
        text if text is not None else pem(der(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    )
    assert partner.verify()[0] == 5


def test_no_file_outside_the_folder_is_read(partner: Partner) -> None:
    """A passport names files; that must not make a machine of a partner tell what else it holds."""
    outside = partner.folder.parent / "secret"
    outside.write_bytes(b"secret")
    signed(partner, {"../secret": hashlib.sha256(b"secret").hexdigest()})
    code, out, _ = partner.verify()
    assert code == 1
    assert "DIFFERENT  ../secret" in out
    assert "\x1b" not in out  # nor steer its terminal


def test_names_come_back_as_they_were(partner: Partner) -> None:
    """A blank or an umlaut in a file's name would make it look missing."""
    (partner.folder / "a ü").mkdir()
    (partner.folder / "a ü" / "b+c 100%.tsv").write_bytes(b"x")
    signed(partner, {"a%20%C3%BC/b%2Bc%20100%25.tsv": hashlib.sha256(b"x").hexdigest()})
    assert partner.verify()[0] == 0


def test_the_crate_comes_out_as_it_was_signed_and_openssl_agrees(partner: Partner, tmp_path: Path) -> None:
    """A partner need not have this program: any tool that knows ECDSA must come to the same."""
    assert partner.verify("--crate", str(tmp_path / "crate"))[0] == 0
    crate = tmp_path / "crate" / "ro-crate-metadata.json"
    told = json.loads((partner.folder / PASSPORT).read_bytes())
    assert crate.read_bytes().decode() == told["crate"]
    signature = tmp_path / "signature"
    signature.write_bytes(base64.b64decode(told["signature"]))
    files = [str(each) for each in (partner.key, signature, crate)]
    command = ["openssl", "dgst", "-sha256", "-verify", files[0], "-signature", *files[1:]]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "Verified OK\n"

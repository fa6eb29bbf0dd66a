"""The passport key's public half, as `passport-keys/<key id>.pem` in the results bucket: once for each key.

A key that is replaced leaves its own there, since what it has signed is to be verified for ever.
"""

import base64
import textwrap

from handlers import ledger
from handlers.context import Context
from handlers.objects import put_if_absent

FOLDER = "passport-keys"
_NOTE = "passport-key"  # the key whose public half lies there


def publish(context: Context) -> None:
    """Put the public key into the results bucket, if that is not done."""
    key = context.office.passport_key
    if ledger.read_note(context, _NOTE) == key:
        return
    der = context.clients.kms.get_public_key(KeyId=key)["PublicKey"]
    name = f"{FOLDER}/{key.rpartition('/')[2]}.pem"
    put_if_absent(context, name, pem(der), "application/x-pem-file")
    ledger.write_note(context, _NOTE, key)


def pem(der: bytes) -> bytes:
    """A public key as text. KMS gives it in DER; what makes PEM of it is not in Lambda."""
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""]).encode()

"""Refused: the digests that went wrong somewhere, kept so that no promotion forgets them."""

import json
from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from components.faults import InvalidOffices
from components.fields import Model

FILE = "rollout/refused.yaml"


class Refusal(Model):
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    reason: str = Field(min_length=1)


def load(root: Path) -> dict[str, str]:
    """Digest → why it is refused. Raises InvalidOffices when the file cannot be trusted."""
    try:
        text = (root / FILE).read_text()
    except FileNotFoundError:
        return {}
    try:
        listed = TypeAdapter(tuple[Refusal, ...]).validate_python(yaml.safe_load(text) or [])
    except (yaml.YAMLError, ValidationError) as error:
        words = " ".join(str(error).split())
        raise InvalidOffices([f"{FILE}: must be a list of digest and reason: {words}"]) from error
    return {each.digest: each.reason for each in listed}


def remembered(text: str, digest: str, reason: str) -> str:
    """The file's `text` with one more digest at its end; what stands there stays as it was written."""
    kept = [line for line in text.splitlines() if line.strip() != "[]"]
    # JSON's quotes are YAML's too, whatever the reason holds.
    return "\n".join([*kept, f"- {{digest: {json.dumps(digest)}, reason: {json.dumps(reason)}}}"]) + "\n"

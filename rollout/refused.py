"""Refused: the digests that went wrong somewhere, kept so that no promotion forgets them."""

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

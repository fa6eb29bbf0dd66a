"""Kinds of values that the models of an office's file share."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Strict

from components.yaml_file import yes_or_no


def _account(value: str) -> str:
    if not re.fullmatch(r"\d{12}", value):
        raise ValueError("must be the 12 digits of an AWS account, in quotes")
    return value


def _email(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
        raise ValueError("must be an e-mail address")
    return value


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Account = Annotated[str, AfterValidator(_account)]
Email = Annotated[str, AfterValidator(_email)]
# Neither "8" nor `yes`, which YAML reads as true, and true would count as 1.
Whole = Annotated[int, Strict()]
YesOrNo = Annotated[bool, Strict(), BeforeValidator(yes_or_no)]

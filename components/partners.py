"""Partners and deliveries of an office's file: who gets which results, and into which bucket of theirs."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from components.fields import Account, Email, Model, Whole, YesOrNo
from handlers.agreement import DAY_S, DEFAULT_NAMES, WORDS, Agreement

# Beside the pipelines' folders, of the office's results.
LINKED = "deliveries"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_KEY_ARN = re.compile(r"arn:aws:kms:([a-z0-9-]+):(\d{12}):key/[A-Za-z0-9-]+")


def _bucket(value: str) -> str:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", value) or ".." in value:
        raise ValueError("must be a bucket's name (3 to 63 lower-case letters, digits, dots, hyphens)")
    return value


def _prefix(value: str) -> str:
    if value and (not re.fullmatch(r"[A-Za-z0-9!_.'()/-]{1,200}", value) or not value.endswith("/")):
        raise ValueError("must be empty, or end in a slash and hold letters, digits and !_.'()/- only")
    if value.startswith("/") or "//" in value or ".." in value:
        raise ValueError("must be a folder, without empty parts or ..")
    return value


def _key_arn(value: str) -> str:
    if not _KEY_ARN.fullmatch(value):
        raise ValueError("must be a KMS key's ARN, arn:aws:kms:<region>:<account>:key/<id> (no alias)")
    return value


def _name(value: str) -> str:
    if value in WORDS:
        return value
    if re.fullmatch(r"\w+", value):
        near = difflib.get_close_matches(value, WORDS, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"must be {', '.join(WORDS)}, or a path or glob such as abundance/*.tsv{hint}")
    if not value or value.startswith("/") or ".." in value or len(value) > 200:
        raise ValueError("must be a path or glob below the run's results, such as abundance/*.tsv")
    return value


def _project(value: str) -> str:
    if value == "*" or not value.strip() or "/" in value:
        raise ValueError(
            'must be one project\'s name as it is in uploads, without "/" ("*" is not every project: name'
            " each in a delivery of its own)"
        )
    return value


class Partner(Model):
    """Someone who receives deliveries: in a bucket of their own, in an account of their own, or by links."""

    contact: Email
    account: Account | None = None
    bucket: Annotated[str, AfterValidator(_bucket)] | None = None
    links: YesOrNo = False
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    key_arn: Annotated[str, AfterValidator(_key_arn)] | None = Field(None, alias="keyArn")

    @model_validator(mode="after")
    def _somewhere(self) -> "Partner":
        copied = self.account, self.bucket
        if self.links and (any(copied) or self.prefix or self.key_arn):
            raise ValueError("must have links: true alone, or account and bucket")
        if not self.links and not all(copied):
            raise ValueError("must have account and bucket, or links: true for a partner without a bucket")
        return self


class Delivery(Model):
    """Which results go to which partner."""

    partner: str
    pipeline: str
    project: Annotated[str, AfterValidator(_project)]
    names: tuple[Annotated[str, AfterValidator(_name)], ...] = Field(
        DEFAULT_NAMES, min_length=1, max_length=20
    )
    receipt: Literal["object", "heads"] = "object"
    receipt_days: Whole = Field(7, alias="receiptDays", ge=1, le=90)


def delivery_faults(
    partners: Mapping[str, Partner],
    deliveries: Sequence[Delivery],
    *,
    region: str,
    account: str,
    pipelines: Sequence[str],
) -> Iterator[str]:
    """What does not fit together, each without the file's name."""
    for name, partner in partners.items():
        key = f"globalbi:partners.{name}"
        if not _NAME.fullmatch(name):
            yield f"{key} must be called by up to 40 letters, digits, - and _ (a letter or digit first)"
        if partner.account == account:
            yield f"{key}.account must be the partner's own, not the office's {account!r}"
        if partner.key_arn:
            found = _KEY_ARN.fullmatch(partner.key_arn)
            if found and found.groups() != (region, partner.account):
                # Results never leave the office's region, and S3 takes a key of the bucket's region only.
                yield (
                    f"{key}.keyArn must be a key of account {partner.account} in {region}, "
                    f"not {partner.key_arn!r}"
                )
    seen: set[tuple[str, str, str]] = set()
    for index, delivery in enumerate(deliveries):
        key = f"globalbi:deliveries.{index}"
        if delivery.partner not in partners:
            valid = ", ".join(sorted(partners)) or "none"
            yield f"{key}.partner must be a partner (valid: {valid}), not {delivery.partner!r}"
        elif partners[delivery.partner].links and delivery.receipt != "object":
            yield f"{key}.receipt must be object where links are sent: nobody sees what was fetched"
        if delivery.pipeline not in pipelines:
            valid = ", ".join(sorted(pipelines)) or "none"
            yield f"{key}.pipeline must be released (valid: {valid}), not {delivery.pipeline!r}"
        what = (delivery.partner, delivery.pipeline, delivery.project)
        if what in seen:
            # The later one would count as the sample's newest delivery, and replace the other.
            yield f"{key} is there already: name all of {delivery.project!r} for {what[0]} in one delivery"
        seen.add(what)


def kept_for(partner: str) -> str:
    """The folder of the office's results for what goes to this partner by links."""
    return f"{LINKED}/{partner}/"


def agreements(
    partners: Mapping[str, Partner], deliveries: Sequence[Delivery], *, account: str, results: str
) -> tuple[Agreement, ...]:
    """What the functions are told. `account` and `results` (a bucket) are the office's own."""
    return tuple(
        Agreement(
            partner=each.partner,
            account=partners[each.partner].account or account,
            bucket=partners[each.partner].bucket or results,
            key=partners[each.partner].key_arn or "",
            prefix=kept_for(each.partner) if partners[each.partner].links else partners[each.partner].prefix,
            links=partners[each.partner].links,
            pipeline=each.pipeline,
            project=each.project,
            names=each.names,
            receipt=each.receipt,
            receipt_within_s=each.receipt_days * DAY_S,
        )
        for each in deliveries
    )

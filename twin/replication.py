"""S3 replication to several buckets: ministack follows the first rule that fits; S3 follows one for each
destination.
"""

from contextvars import ContextVar
from typing import Any

from ministack.services import s3  # type: ignore[import-untyped]

_destination: ContextVar[str | None] = ContextVar("the destination that is being replicated to", default=None)
_replicate_to_one = s3._maybe_replicate


def rule_for(bucket: str, key: str, tags: dict[str, str] | None) -> tuple[dict[str, Any] | None, str]:
    """The enabled rule of the highest priority that fits the key and leads to the destination at hand."""
    config = s3._bucket_replication.get(bucket)
    if not config or s3._bucket_versioning.get(bucket) != "Enabled":
        return None, ""
    for rule in sorted(config.get("Rules", []), key=lambda r: -int(r.get("Priority") or 0)):
        fits = (
            rule.get("Status") == "Enabled"
            and key.startswith(s3._replication_rule_prefix(rule))
            and all((tags or {}).get(k) == v for k, v in s3._replication_rule_tags(rule).items())
            and _destination.get() in (None, rule["Destination"]["Bucket"])
        )
        if fits:
            return rule, config.get("Role", "")
    return None, ""


def replicate(
    bucket: str, key: str, record: dict[str, Any], data: Any, tags: dict[str, str] | None = None
) -> None:
    config = s3._bucket_replication.get(bucket) or {}
    statuses = []
    for destination in dict.fromkeys(rule["Destination"]["Bucket"] for rule in config.get("Rules", [])):
        token = _destination.set(destination)
        try:
            record.pop("replication_status", None)
            _replicate_to_one(bucket, key, record, data, tags)
            statuses.append(record.get("replication_status"))
        finally:
            _destination.reset(token)
    if failed := next((s for s in statuses if s == "FAILED"), None):
        record["replication_status"] = failed


def install() -> None:
    s3._replication_rule_for = rule_for
    s3._maybe_replicate = replicate

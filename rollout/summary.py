"""Summary: what `pulumi preview --json` would do, by names only.

No value of a property leaves this module, so no secret can: changes are told by the names of the properties.
A summary goes from one job of a workflow to another as a file; who reads it does not trust it.
Standard library only, as the job that writes comments installs nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rollout import cost_change
from rollout.cost_change import CostChange

Action = Literal["create", "update", "replace", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "replace", "delete")
# The engine tells of a replacement in up to three steps, and a deletion may be one of them.
ACTION_OF: Mapping[str, Action] = {
    "create": "create",
    "import": "create",
    "update": "update",
    "delete": "delete",
    "discard": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "import-replacement": "replace",
    "discard-replaced": "replace",
}
# Types whose content is gone when the resource is, and what that content is.
HOLDS: Mapping[str, str] = {
    "aws:s3/bucket:Bucket": "a bucket's objects",
    "aws:s3/bucketV2:BucketV2": "a bucket's objects",
    "aws:dynamodb/table:Table": "a table's items",
    "aws:kms/key:Key": "a key, and with it all that it encrypted",
    "aws:ecr/repository:Repository": "a registry's images",
    "aws:sqs/queue:Queue": "a queue's waiting events",
    "aws:cloudwatch/logGroup:LogGroup": "logs",
    # The provider deregisters every revision; AWS Batch ends every job of a queue that is deleted.
    "aws:batch/jobDefinition:JobDefinition": "the revisions by which runs in flight are tried again",
    "aws:batch/jobQueue:JobQueue": "a job queue's waiting and running jobs",
}
# How the engine refuses what is protected: no step tells of it, and the preview ends there
# (resource/deploy/step.go and step_generator.go in pulumi/pulumi).
PROTECTED = re.compile(
    r'unable to (?P<replaced>replace) resource "(?P<of_replace>[^"\s]+)"'
    r'|resource "(?P<of_delete>[^"\s]+)" cannot be deleted\s+because it is protected'
)
# What follows from another error, and is none by itself.
ENDED = ("preview failed", "Resource monitor has terminated")
MOST_CHANGES = 2000
MOST_CHARACTERS = 200  # of a name; AWS's longest are 256, and nobody reads those


@dataclass(frozen=True, kw_only=True)
class Change:
    action: Action
    type: str
    name: str
    keys: tuple[str, ...] = ()  # the properties that are the reason
    protected: bool = False  # the engine refuses it

    @property
    def loses(self) -> str | None:
        """What would be lost by it."""
        return HOLDS.get(self.type) if self.action in ("replace", "delete") else None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a policy says of a resource."""

    policy: str
    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    office: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    fault: str = ""  # why there is no preview
    cost: CostChange | None = None

    def count(self, action: Action) -> int:
        return sum(change.action == action for change in self.changes)

    @property
    def losses(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.loses)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def summarise(office: str, preview: Mapping[str, Any], findings: Iterable[Finding] = ()) -> Summary:
    """The summary of the engine's preview (`display.PreviewDigest` in pulumi/pulumi)."""
    found: dict[str, Change] = {}
    for step in preview.get("steps") or ():
        change = _change(step)
        if change is None:
            continue
        urn = step["urn"]
        known = found.get(urn)
        if known is None or (change.action == "replace" and known.action != "replace"):
            found[urn] = change
        elif known.action == change.action:
            merged = dict.fromkeys((*known.keys, *change.keys))
            found[urn] = Change(
                action=known.action, type=known.type, name=known.name, keys=tuple(sorted(merged))
            )
    others = 0
    errors = [each for each in preview.get("diagnostics") or () if each.get("severity") == "error"]
    for error in errors:
        refused = _refused(error["message"])
        if refused:
            urn, change = refused
            known = found.get(urn)
            found[urn] = replace(change, keys=known.keys if known else ())
        else:
            others += not error["message"].removeprefix("error: ").startswith(ENDED)
    protected = sum(change.protected for change in found.values())
    if protected and not others:
        fault = f"Pulumi refuses this: protected resources would go ({protected}). It looked no further"
    else:
        # The message itself may quote a property's value.
        fault = f"the preview ended with {len(errors)} errors: see the job's log" if errors else ""
    changes = sorted(
        found.values(), key=lambda change: (-ACTIONS.index(change.action), change.type, change.name)
    )
    return Summary(office=office, changes=tuple(changes), findings=tuple(findings), fault=fault)


def _refused(message: str) -> tuple[str, Change] | None:
    """The URN and the change of a resource that the engine left as it is, since it is protected."""
    match = PROTECTED.search(message)
    if match is None:
        return None
    urn = match["of_replace"] or match["of_delete"]
    kind, name = _called(urn)
    return urn, Change(
        action="replace" if match["replaced"] else "delete", type=kind, name=name, protected=True
    )


def _called(urn: str) -> tuple[str, str]:
    """Type and name of the resource with this URN."""
    kind, _, name = urn.rpartition("::")
    return kind.rpartition("::")[2].rpartition("$")[2], name


def _change(step: Mapping[str, Any]) -> Change | None:
    action = ACTION_OF.get(step["op"])
    state = step.get("newState") or step.get("oldState") or {}
    kind, name = _called(step["urn"])
    # Components and providers are nothing in AWS.
    if action is None or not state.get("custom", True) or kind.startswith("pulumi:"):
        return None
    reasons = step.get("replaceReasons") or step.get("diffReasons") or step.get("detailedDiff") or ()
    return Change(action=action, type=kind, name=name, keys=tuple(sorted({str(key) for key in reasons})))


def read(path: Path, office: str = "") -> Summary:
    """A summary that another job wrote, of `office`. Raises ValueError when it is none."""
    document = json.loads(path.read_text())
    try:
        if office and document["office"] != office:
            raise ValueError(f"{path.name}: is of {document['office']!r}, not of {office!r}")
        changes = tuple(_read_change(each) for each in document["changes"][:MOST_CHANGES])
        findings = tuple(
            Finding(
                policy=_text(each["policy"]), name=_text(each["name"]), message=_text(each["message"], 1000)
            )
            for each in document["findings"][:MOST_CHANGES]
        )
        return Summary(
            office=_text(document["office"]),
            changes=changes,
            findings=findings,
            fault=_text(document["fault"], 1000),
            cost=cost_change.read(document.get("cost")),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path.name}: is no summary of a preview ({error!r})") from error


def _read_change(each: Mapping[str, Any]) -> Change:
    if each["action"] not in ACTIONS:
        raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {each['action']!r}")
    keys = tuple(_text(key) for key in each["keys"][:100])
    return Change(
        action=each["action"],
        type=_text(each["type"]),
        name=_text(each["name"]),
        keys=keys,
        protected=each.get("protected") is True,
    )


def _text(value: Any, most: int = MOST_CHARACTERS) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text, not {value!r}")
    return value if len(value) <= most else value[: most - 1] + "…"

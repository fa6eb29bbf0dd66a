"""What a passport says: a run, and the runs whose results it took, as an RO-Crate of the Process Run profile.

Each run is a CreateAction, its pipeline the instrument, in its image. An attempt that failed is one, too. All
comes from the ledger's runs and their manifests, and no clock is asked: the same run gives the same text
whoever writes it. https://www.researchobject.org/workflow-run-crate/profiles/process_run_crate/
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from handlers.manifest import MANIFEST
from handlers.run import Attempt, Run

SPECIFICATION = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = "https://w3id.org/ro/terms/workflow-run"
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
OFFICE, LICENSE = "#office", "#terms-of-use"

Entity = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A run that succeeded, and the bytes of its manifest."""

    run: Run
    manifest: bytes

    @property
    def told(self) -> Mapping[str, Any]:
        told: Mapping[str, Any] = json.loads(self.manifest)
        return told


@dataclass(frozen=True, kw_only=True)
class _Graph:
    """The entities of the crate, each once, in the order they were first added."""

    entities: dict[str, Entity] = field(default_factory=dict)

    def add(self, entity: Entity) -> Entity:
        """Add it, or what is there under its id already; returns a reference to it."""
        self.entities.setdefault(entity["@id"], entity)
        return {"@id": entity["@id"]}


def crate_of(steps: Sequence[Step], office: str, results: str) -> str:
    """The text of the crate of the last step. `steps` are in the order they ran, `results` is the bucket.

    ASCII alone, so that its bytes are the same in every encoding.
    """
    graph, last = _Graph(), steps[-1]
    graph.add(
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": SPECIFICATION},
            "about": {"@id": "./"},
        }
    )
    root = _root(last, office)
    graph.add(root)
    graph.add({"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"})
    graph.add(
        {
            "@id": LICENSE,
            "@type": "CreativeWork",
            "name": "Terms of use",
            "description": "As agreed with the office; the passport itself grants nothing.",
        }
    )
    graph.add({"@id": OFFICE, "@type": "Organization", "name": f"GlobalBI, office {office}"})
    root["hasPart"] = [graph.add(each) for each in _files(last)]
    before: list[Entity] = []
    for step in steps:
        made = root["hasPart"] if step is last else [graph.add(_manifest(step, results))]
        root["mentions"] += _actions(graph, step, inputs=before, made=made)
        before = made
    document = {"@context": [f"{SPECIFICATION}/context", f"{TERMS}/context"], "@graph": _listed(graph)}
    return json.dumps(document, indent=1) + "\n"


def _listed(graph: _Graph) -> list[Entity]:
    return list(graph.entities.values())


def _root(step: Step, office: str) -> Entity:
    run = step.run
    return {
        "@id": "./",
        "@type": "Dataset",
        "identifier": run.run_id,
        "name": f"{run.sample.pipeline} of {run.sample.project}/{run.sample.sample}",
        "description": f"The results of {run.sample.pipeline} {run.pipeline_version} at the office {office}.",
        "datePublished": _time(step.told.get("published") or run.updated),
        "license": {"@id": LICENSE},
        "author": {"@id": OFFICE},
        "publisher": {"@id": OFFICE},
        "conformsTo": {"@id": PROFILE},
        "hasPart": [],
        "mentions": [],
    }


def _files(step: Step) -> Iterable[Entity]:
    for each in step.told["files"]:
        yield _file(each["path"], each["size"], each["sha256"])
    yield _file(MANIFEST, len(step.manifest), hashlib.sha256(step.manifest).hexdigest())


def _file(path: str, size: int, sha256: str) -> Entity:
    return {
        "@id": quote(path),
        "@type": "File",
        "name": path,
        "contentSize": str(size),
        "sha256": sha256,
    }


def _manifest(step: Step, results: str) -> Entity:
    """Another run's results, which are no part of this crate."""
    return {
        "@id": f"s3://{results}/{quote(step.run.results_prefix)}{MANIFEST}",
        "@type": "CreativeWork",
        "name": f"the manifest of {step.run.run_id}, which lists its results",
        "contentSize": str(len(step.manifest)),
        "sha256": hashlib.sha256(step.manifest).hexdigest(),
    }


def _actions(graph: _Graph, step: Step, *, inputs: list[Entity], made: list[Entity]) -> list[Entity]:
    """The attempts of a run: those that failed, and the one whose results they are."""
    run, told = step.run, step.told
    taken = [graph.add(each) for each in _upload(run)] + [graph.add(each) for each in _references(run)]
    image = graph.add(_image(run))
    pipeline = graph.add(_pipeline(graph, step))
    actions = []
    for attempt in run.attempts:
        published = attempt.number == told["attempt"]
        if not published and attempt.failure is None:
            continue  # it came to nothing, as the results were there already
        name = f"#{run.job_name(attempt.number)}"
        asked = [graph.add(each) for each in _values(f"{name}/asked", _asked(attempt))]
        action: Entity = {
            "@id": name,
            "@type": "CreateAction",
            "name": f"{run.sample.pipeline}, attempt {attempt.number}",
            "description": f"Run {run.run_id} of {run.upload_key}, version {run.version_id}",
            "actionStatus": COMPLETED if published else FAILED,
            "agent": {"@id": OFFICE},
            "instrument": pipeline,
            "containerImage": image,
            "object": [*taken, *inputs, *asked],
        }
        if published:
            action |= _times(told.get("started") or attempt.started, told.get("published") or attempt.ended)
            action["result"] = made
            used = _values(f"{name}/used", told.get("resources") or {})
            action["resourceUsage"] = [graph.add(each) for each in used]
        else:
            action |= _times(attempt.started or attempt.submitted, attempt.ended)
            action["error"] = attempt.failure
        actions.append(graph.add(action))
    return actions


def _times(started: str | None, ended: str | None) -> Entity:
    told = {"startTime": started, "endTime": ended}
    return {name: _time(value) for name, value in told.items() if value}


def _time(iso: str) -> str:
    """With the offset in numbers, as the profile asks for it."""
    return iso.replace("Z", "+00:00")


def _upload(run: Run) -> Iterable[Entity]:
    if run.members:
        yield {
            "@id": f"s3://{run.bucket}/{quote(run.upload_key)}",
            "@type": "CreativeWork",
            "name": f"the list of {run.members.count} results of {run.members.pipeline}",
            "sha256": run.version_id,
        }
        return
    version = f"s3://{run.bucket}/{quote(run.upload_key)}?versionId={quote(run.version_id)}"
    known = {name: value for name, value in json.loads(run.content).items() if name != "size"}
    checksums = list(_values(f"#{run.version_id}/checksum", known))
    yield {
        "@id": version,
        "@type": "CreativeWork",
        "name": run.upload_key,
        "version": run.version_id,
        "contentSize": str(run.size),
        "dateCreated": _time(run.uploaded),
        "identifier": [{"@id": each["@id"]} for each in checksums],
    }
    yield from checksums


def _references(run: Run) -> Iterable[Entity]:
    for role, (name, version) in sorted(run.references.items()):
        yield {
            "@id": f"#reference/{quote(role)}/{quote(name)}/{quote(version)}",
            "@type": "CreativeWork",
            "name": name,
            "version": version,
            "description": f"The reference in the role {role}",
        }


def _image(run: Run) -> Entity:
    region, account = run.job_definition.split(":")[3:5]
    return {
        "@id": f"#image/{run.release_digest}",
        "@type": "ContainerImage",
        "additionalType": {"@id": f"{TERMS}#DockerImage"},
        "registry": f"{account}.dkr.ecr.{region}.amazonaws.com",
        "name": f"globalbi/{run.sample.pipeline}",
        "sha256": run.release_digest.removeprefix("sha256:"),
    }


def _pipeline(graph: _Graph, step: Step) -> Entity:
    tools = [
        graph.add(_software(f"#tool/{quote(name)}/{quote(str(version))}", name, version))
        for name, version in sorted((step.told.get("tools") or {}).items())
    ]
    run = step.run
    name = f"#pipeline/{run.sample.pipeline}/{quote(run.pipeline_version)}/{run.release_digest}"
    return {
        **_software(name, run.sample.pipeline, run.pipeline_version),
        **({"softwareRequirements": tools} if tools else {}),
    }


def _software(entity_id: str, name: str, version: str) -> Entity:
    return {"@id": entity_id, "@type": "SoftwareApplication", "name": name, "softwareVersion": version}


def _asked(attempt: Attempt) -> Mapping[str, Any]:
    return {
        "vcpus": attempt.vcpus,
        "memory_mib": attempt.memory_mib,
        "time_limit_s": attempt.time_limit_s,
        "queue": attempt.queue,
    }


def _values(under: str, values: Mapping[str, Any]) -> Iterable[Entity]:
    for name, value in values.items():
        yield {
            "@id": f"{under}/{quote(name)}",
            "@type": "PropertyValue",
            "name": name,
            "value": value if isinstance(value, int | float | str) else json.dumps(value, sort_keys=True),
        }

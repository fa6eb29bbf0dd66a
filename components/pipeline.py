"""A pipeline's contract, from `pipeline_images/<name>/pipeline.yaml`.

What it is called, which references it needs, and how many vCPUs, MiB of memory, GiB of scratch and minutes a
run gets, as a function of its input's size; and by how much a new release may differ from the one before.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from components.faults import InvalidOffices, explain
from components.fields import Model
from handlers.release import PROJECT, SAMPLE, Linear, Release


class ByInput(Model):
    """`base` and so much more for every GiB of input."""

    base: int = Field(ge=0)
    per_input_gib: int = Field(0, alias="perInputGib", ge=0)

    @property
    def line(self) -> Linear:
        return Linear(base=self.base, per_gib=self.per_input_gib)


class MemoryByInput(ByInput):
    """MiB; never above `max`."""

    # AWS: an instance's last part is the system's: of 32 GiB a job can have 31,431 MiB.
    max: int = Field(ge=512)


class Resources(Model):
    vcpus: int = Field(ge=1, le=96)
    memory_mib: MemoryByInput = Field(alias="memoryMib")
    scratch_gib: ByInput = Field(alias="scratchGib")


class Canary(Model):
    """What a new release may differ by from the old one, on a community whose composition is known.

    Distances are Bray-Curtis': 0 is the same composition, 1 has nothing in common.
    """

    pairs: int = Field(100_000, ge=1_000)
    seed: int = 1
    # Each release this often, in turn; the fastest counts, as nothing makes a run faster than it is.
    repetitions: int = Field(3, ge=1, le=10)
    most_from_truth: float = Field(alias="mostFromTruth", ge=0, le=1)
    most_between: float = Field(alias="mostBetween", ge=0, le=1)
    # A species counts as found from this share on.
    present_from: float = Field(0.001, alias="presentFrom", gt=0, lt=1)
    most_lost: int = Field(0, alias="mostLost", ge=0)
    most_gained: int = Field(0, alias="mostGained", ge=0)
    most_time: float = Field(alias="mostTime", ge=1)
    most_memory: float = Field(alias="mostMemory", ge=1)


class After(Model):
    """The pipelines whose results it takes: those of each sample by itself, or of all of a project's."""

    pipelines: tuple[str, ...] = Field(min_length=1)
    per: Literal["sample", "project"] = SAMPLE

    @model_validator(mode="after")
    def _one_for_a_sample(self) -> "After":
        if self.per == SAMPLE and len(self.pipelines) > 1:
            raise ValueError("must name one pipeline, or say per: project")
        return self


def _follows(value: Any) -> Any:
    """A plain name is a pipeline that is followed for each sample."""
    return {"pipelines": [value]} if isinstance(value, str) else value


def _roles(value: Any) -> Any:
    """References are a mapping role → reference name; a plain list names roles and references alike."""
    return {name: name for name in value} if isinstance(value, list) else value


class Pipeline(Model):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    summary: str
    accepts: tuple[str, ...]
    produces: tuple[str, ...]
    references: Annotated[dict[str, str], BeforeValidator(_roles)] = Field(default_factory=dict)
    resources: Resources
    time_limit_minutes: ByInput = Field(alias="timeLimitMinutes")
    after: Annotated[After | None, BeforeValidator(_follows)] = None
    canary: Canary | None = None

    @property
    def predecessors(self) -> tuple[str, ...]:
        return self.after.pipelines if self.after else ()

    @property
    def per_project(self) -> bool:
        """Whether it takes the results of a project's samples together."""
        return self.after is not None and self.after.per == PROJECT

    def release(
        self, *, digest: str = "", job_definition: str = "", versions: Mapping[str, str] | None = None
    ) -> Release:
        """As the handlers know it, at an image digest and these versions of its references, by name.

        Without versions it has no references: for whoever asks for its sizes alone.
        """
        return Release(
            pipeline=self.name,
            version=self.version,
            digest=digest,
            job_definition=job_definition,
            references={}
            if versions is None
            else {role: (name, versions[name]) for role, name in self.references.items()},
            vcpus=self.resources.vcpus,
            memory_mib=self.resources.memory_mib.line,
            max_memory_mib=self.resources.memory_mib.max,
            scratch_gib=self.resources.scratch_gib.line,
            time_limit_minutes=self.time_limit_minutes.line,
            after=self.predecessors,
            per=PROJECT if self.per_project else SAMPLE,
        )


def load_pipelines(root: Path) -> Mapping[str, Pipeline]:
    """Every pipeline of the repository at `root`, by name; raises InvalidOffices with all faults."""
    pipelines: dict[str, Pipeline] = {}
    faults: list[str] = []
    for path in sorted((root / "pipeline_images").glob("*/pipeline.yaml")):
        file = str(path.relative_to(root))
        try:
            pipeline = Pipeline.model_validate(yaml.safe_load(path.read_text()))
        except yaml.YAMLError as error:
            faults.append(f"{file}: is not YAML: {' '.join(str(error).split())}")
            continue
        except ValidationError as error:
            faults.extend(explain(file, Pipeline, error))
            continue
        if pipeline.name != path.parent.name:
            faults.append(f"{file}: name must be its folder's, {path.parent.name}, not {pipeline.name!r}")
        pipelines[pipeline.name] = pipeline
    faults.extend(
        f"pipeline_images/{pipeline.name}/pipeline.yaml: after must be a pipeline "
        f"(valid: {', '.join(sorted(pipelines))}), not {name!r}"
        for pipeline in pipelines.values()
        for name in pipeline.predecessors
        if name not in pipelines
    )
    # A follow-on's results start nothing: so no chain of pipelines can lead back to its beginning, run after
    # run, and the reads of every run are an upload to its own pipeline or to the one before.
    faults.extend(
        f"pipeline_images/{pipeline.name}/pipeline.yaml: after must be a pipeline that follows no other "
        f"(valid: {', '.join(sorted(name for name, each in pipelines.items() if each.after is None))}), "
        f"not {name!r}"
        for pipeline in pipelines.values()
        for name in pipeline.predecessors
        if name in pipelines and pipelines[name].after is not None
    )
    if faults:
        raise InvalidOffices(faults)
    return pipelines

"""`canary`: the release that offices have and the one to come, on a community whose composition is known."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from canary import mock, running
from canary.analysis import CannotCompare, Subject, checked, references_of
from canary.comparison import checks
from canary.record import Record
from components.names import image_address
from components.office import PinnedRelease
from components.pipeline import Canary
from fleet import canaries
from fleet.access import Access, bucket
from fleet.options import now
from fleet.output import Exit, Refused, in_words, say, show_line
from pipeline_images.containers import Engine, EngineMissing, engine
from rollout.canary_report import chart, markdown
from rollout.promote import CannotPromote, planned
from rollout.settings import Settings

ImageOption = Annotated[str | None, typer.Option(metavar="IMAGE", help="Instead of the release's own image.")]


def canary(
    context: typer.Context,
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose release is to move.")],
    to: Annotated[str | None, typer.Option(help="An office or a wave; without it the next wave.")] = None,
    old: ImageOption = None,
    new: ImageOption = None,
    references: Annotated[
        Path | None, typer.Option(help="Folder with NAME/VERSION/…; without it headquarters' bucket.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for canary.md, canary.svg and record.json.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it at headquarters, where `promote` looks.")
    ] = False,
    engine_name: Annotated[
        str | None, typer.Option("--engine", metavar="podman|docker", help="The first that is installed.")
    ] = None,
) -> None:
    """Compare the next release with the one that offices have: same reads, composition known.

    Exit code 1 if the new one differs by more than `canary` in its pipeline.yaml allows.
    """
    access: Access = context.obj
    root: Path = context.find_root().params["root"]
    with in_words():
        if keep and (old or new):
            raise Refused("only the releases' own images, by digest, are proof: leave out --old and --new")
        tolerances = tolerances_of(access, pipeline)
        before, after = _releases(access, root, pipeline, to, stand_in=bool(old and new))
        try:
            record = compared(
                access, engine(engine_name), root, pipeline, tolerances, before, after,
                images={"old": old, "new": new}, references=references, keep=keep,
            )  # fmt: skip
        except (CannotCompare, EngineMissing, mock.NotMade) as error:
            raise Refused(str(error)) from error
    found = checks(record, tolerances)
    text = markdown(record, found)
    show_line(text)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in (
            ("canary.md", text),
            ("canary.svg", chart(record)),
            ("record.json", record.text()),
        ):
            (out / name).write_text(content)
    if not all(each.passed for each in found):
        raise typer.Exit(Exit.TROUBLE)


def tolerances_of(access: Access, pipeline: str) -> Canary:
    if pipeline not in access.fleet.pipelines:
        raise Refused(f"{pipeline!r} is no pipeline")
    tolerances = access.fleet.pipelines[pipeline].canary
    if tolerances is None:
        raise Refused(
            f"pipeline_images/{pipeline}/pipeline.yaml has no `canary`: no composition to compare with"
        )
    return tolerances


def compared(
    access: Access,
    container_engine: Engine,
    root: Path,
    pipeline: str,
    tolerances: Canary,
    before: PinnedRelease,
    after: PinnedRelease,
    *,
    images: Mapping[str, str | None],
    references: Path | None,
    keep: bool,
) -> Record:
    """Both releases analyse the community; `keep` puts the record into HQ's table. Raises CannotCompare."""
    home, build = access.fleet.headquarters, root / ".build"
    roles = access.fleet.pipelines[pipeline].references

    def subject(release: PinnedRelease, image: str | None) -> Subject:
        folder = references or build / "references"
        if references is None:
            for name in roles.values():
                _fetch(access, folder, name, release.references[name])
        places = references_of(folder, roles, release)
        return Subject(
            release=release,
            image=image or image_address(home.account, home.region, pipeline, release.digest),
            references=places,
            checksums={name: checked(places[role]) for role, name in roles.items()},
        )

    community = mock.community(build / "mock", pairs=tolerances.pairs, seed=tolerances.seed)
    record = running.run(
        container_engine, pipeline, tolerances, community,
        subject(before, images.get("old")), subject(after, images.get("new")),
        by=str(access.headquarters("sts").get_caller_identity()["Arn"]) if keep else "nobody: not kept",
        now=now, say=say,
    )  # fmt: skip
    if keep:
        canaries.keep(access, record)
    return record


def _releases(
    access: Access, root: Path, pipeline: str, to: str | None, *, stand_in: bool
) -> tuple[PinnedRelease, PinnedRelease]:
    """Of the office that is to change, and of the wave before it. `stand_in`: both images are given."""
    settings = Settings.load(root, [office.name for office in access.fleet.offices])
    try:
        promotion = planned(access.fleet, settings, pipeline, to)
    except CannotPromote as error:
        raise Refused(str(error)) from error
    if promotion:
        return access.fleet.office(promotion.to[0]).releases[pipeline], promotion.release
    if stand_in:
        running_now = access.fleet.headquarters.releases[pipeline]
        return running_now, running_now
    raise Refused(f"every office has the release of {pipeline} already: there is nothing to compare")


def _fetch(access: Access, folder: Path, name: str, version: str) -> None:
    """From headquarters' bucket, unless it is there; its checksums come last, so that half of it is none."""
    place, s3 = folder / name / version, access.headquarters("s3")
    if (place / "SHA256SUMS").is_file():
        return
    source, prefix = bucket(access.fleet.headquarters, "references"), f"{name}/{version}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=source, Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    for key in sorted(keys, key=lambda key: key.endswith("/SHA256SUMS")):
        target = place / key.removeprefix(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(source, key, str(target))

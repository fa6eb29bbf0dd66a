"""The roster: every office of the repository, read from the stack files alone.

Headquarters must know each office's account and region, and each office headquarters'. Names are
deterministic, so the files say enough: no stack reads another stack's outputs, and a new office is one new
file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from components.copied import bucket_faults, secrets_faults
from components.faults import InvalidOffices, choices
from components.office import InvalidOffice, Office, Sketch
from components.partners import delivery_faults
from components.pipeline import Pipeline, load_pipelines
from cost.book import book_of
from handlers.release import release_id

ASK_FOR_PRICES = (
    "ask AWS for its prices by `.venv/bin/python -m cost refresh` (needs pricing:GetProducts and"
    " ec2:DescribeSpotPriceHistory)"
)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """All offices, and the pipelines they may run."""

    offices: tuple[Office, ...]
    pipelines: Mapping[str, Pipeline]

    @classmethod
    def load(cls, root: Path, *, priced: bool = True) -> "Fleet":
        """Reads all `Pulumi.<office>.yaml` and `pipeline.yaml` under `root`; raises InvalidOffices with all
        faults. `priced` False: an office may lack prices, for whoever is about to ask for them.
        """
        faults: list[str] = []
        offices: list[Office] = []
        sketches: list[Sketch] = []
        unread = False
        try:
            pipelines = load_pipelines(root)
        except InvalidOffices as error:
            faults.extend(error.faults)
            pipelines = {}
        paths = sorted(root.glob("Pulumi.*.yaml"))
        for path in paths:
            try:
                offices.append(Office.from_file(path))
            except InvalidOffice as error:
                faults.extend(error.faults)
                sketches.append(error.sketch)
            except InvalidOffices as error:
                faults.extend(error.faults)
                unread = True
        fleet = cls(offices=tuple(offices), pipelines=pipelines)
        sketches += [office.sketch for office in offices]
        # With a file that could not be read, "no headquarters" or "no such pipeline" may be untrue.
        faults.extend(_clashes(sorted(sketches, key=lambda each: each.file), complete=not unread))
        faults.extend(secrets_faults(paths))
        faults.extend(bucket_faults(offices))
        if pipelines:
            faults.extend(fleet._all_release_faults())
        if priced:
            faults.extend(fleet._price_faults())
        if not (faults or offices):
            faults.append(f"{root}: holds no Pulumi.<office>.yaml")
        if faults:
            raise InvalidOffices(faults)
        return fleet

    def with_office(self, office: Office) -> "Fleet":
        """The fleet with `office` as the running stack has it; raises InvalidOffices when it does not fit."""
        others = tuple(known for known in self.offices if known.name != office.name)
        fleet = replace(self, offices=(*others, office))
        faults = list(fleet.faults())
        if faults:
            raise InvalidOffices(faults)
        return fleet

    def office(self, name: str) -> Office:
        for office in self.offices:
            if office.name == name:
                return office
        names = choices(office.name for office in self.offices)
        raise InvalidOffices([f"Pulumi.{name}.yaml is missing: there is no office {name!r} (valid: {names})"])

    def release(self, office: Office, pipeline: str) -> str | None:
        """The id of the release of `pipeline` that the office's file names; None: it has none."""
        pinned = office.releases.get(pipeline)
        if pinned is None:
            return None
        roles = self.pipelines[pipeline].references
        return release_id(
            pinned.digest, {role: (name, pinned.references[name]) for role, name in roles.items()}
        )

    @property
    def headquarters(self) -> Office:
        return next(office for office in self.offices if office.headquarters)

    @property
    def branches(self) -> tuple[Office, ...]:
        return tuple(office for office in self.offices if not office.headquarters)

    def faults(self) -> Iterator[str]:
        """What is wrong between the offices, and between them and the pipelines."""
        yield from _clashes([office.sketch for office in self.offices])
        yield from bucket_faults(self.offices)
        yield from self._all_release_faults()
        yield from self._price_faults()

    def _all_release_faults(self) -> Iterator[str]:
        for office in self.offices:
            yield from self._release_faults(office)

    def _release_faults(self, office: Office) -> Iterator[str]:
        for name, release in office.releases.items():
            key = f"{office.file}: globalbi:releases.{name}"
            pipeline = self.pipelines.get(name)
            if pipeline is None:
                yield f"{key} must be a pipeline (valid: {choices(self.pipelines)}), not {name!r}"
                continue
            needed = set(pipeline.references.values())
            for reference in sorted(needed - set(release.references)):
                yield f'{key}.references.{reference} is missing: pin its version, {reference}: "2026.1"'
            for reference in sorted(set(release.references) - needed):
                yield f"{key}.references.{reference} is no reference of {name} (valid: {choices(needed)})"
            if pipeline.after is not None and not set(pipeline.predecessors) & set(office.releases):
                names = " or ".join(pipeline.predecessors)
                yield f"{key} takes the results of {names}: release {names} here too"
        yield from self._delivery_faults(office)

    def _price_faults(self) -> Iterator[str]:
        """Where prices are missing no run has an estimate or a cost, and no budget can be kept."""
        book = book_of(None)
        for office in self.offices:
            prices, families = book.regions.get(office.region), office.settings.compute.instance_families
            if prices is None:
                yield (
                    f"{office.file}: aws:region must be a region of the price book (valid: "
                    f"{choices(book.regions)}), not {office.region!r}: {ASK_FOR_PRICES}"
                )
                continue
            known = [family.name for family in prices.families(families)]
            for index, family in enumerate(families):
                if family not in known:
                    yield (
                        f"{office.file}: globalbi:compute.instanceFamilies.{index} must be a family that the "
                        f"price book has in {office.region}, not {family!r}: {ASK_FOR_PRICES}"
                    )

    def _delivery_faults(self, office: Office) -> Iterator[str]:
        found = delivery_faults(
            office.settings.partners,
            office.settings.deliveries,
            region=office.region,
            account=office.account,
            pipelines=tuple(office.releases),
        )
        yield from (f"{office.file}: {fault}" for fault in found)


def _clashes(offices: Sequence[Sketch], *, complete: bool = True) -> Iterator[str]:
    """What cannot be in two offices, and must be in one. `complete`: no office is missing."""
    leaders = [office for office in offices if office.headquarters]
    if complete and offices and not leaders:
        yield "Pulumi.*.yaml: globalbi:headquarters must be true in exactly one office, not in none"
    if len(leaders) > 1:
        yield (
            f"{_listed(leaders)}: globalbi:headquarters must be true in exactly one office, "
            f"not in {len(leaders)}"
        )
    by_account: dict[str, list[Sketch]] = defaultdict(list)
    for office in offices:
        if office.account is not None:
            by_account[office.account].append(office)
    for account, same in by_account.items():
        if len(same) > 1:
            yield (
                f"{_listed(same)}: aws:allowedAccountIds must be an account of the office's own, "
                f"not {account!r} for {len(same)} offices"
            )
    for one, other in combinations(offices, 2):
        if one.cidr is not None and other.cidr is not None and one.cidr.overlaps(other.cidr):
            yield (
                f"{_listed([one, other])}: globalbi:cidr must not overlap another office's, "
                f"not '{one.cidr}' and '{other.cidr}'"
            )


def _listed(offices: Sequence[Sketch]) -> str:
    return " and ".join(office.file for office in offices)

"""A scanner of another project, Checkov, over what every office declares: `python -m policies.scanner`.

It knows hundreds of checks that nobody here has written. What it finds and what stays so stands in
`scanner.yaml`, each with its reason. Checkov pins old versions of packages that this project uses, so it has
an environment of its own: `make scan` makes it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from components.roster import Fleet
from policies.program import declared
from policies.terraform import plan

EXCEPTIONS = Path(__file__).with_name("scanner.yaml")


class Accepted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str = Field(pattern=r"^CKV\w+$")
    reason: str = Field(min_length=20)
    resources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Finding:
    check: str
    says: str
    office: str
    resource: str  # its name in the program

    @property
    def part(self) -> str:
        return self.resource.removeprefix(f"globalbi-{self.office}-")


@dataclass(frozen=True, kw_only=True)
class Scan:
    resources: int
    passed: int
    findings: tuple[Finding, ...]


class NotScanned(Exception):
    """No result that could be trusted; the words say why."""


def load(path: Path = EXCEPTIONS) -> tuple[Accepted, ...]:
    return TypeAdapter(tuple[Accepted, ...]).validate_python(yaml.safe_load(path.read_text()))


def faults(found: Iterable[Finding], exceptions: Sequence[Accepted]) -> list[str]:
    """In sentences: findings without an exception, and exceptions without a finding."""
    told: list[str] = []
    needed: set[tuple[Accepted, str]] = set()
    for finding in found:
        fits = [
            each
            for each in exceptions
            if each.check == finding.check and (not each.resources or finding.part in each.resources)
        ]
        needed.update((each, finding.part) for each in fits)
        if not fits:
            told.append(
                f"{finding.office}: {finding.resource}: {finding.check}: {finding.says}."
                f" Mend it, or write the reason into {EXCEPTIONS.name}."
            )
    for each in exceptions:
        parts = {part for exception, part in needed if exception == each}
        unused = [part for part in each.resources if part not in parts] if each.resources else []
        if unused or not parts:
            where = f" of {', '.join(unused)}" if unused else ""
            told.append(f"{EXCEPTIONS.name}: {each.check} was not found{where}. Remove it.")
    return told


def scan(office: str, checkov: Path) -> Scan:
    """Raises NotScanned."""
    stack = declared(office)
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "plan.json"
        document.write_text(json.dumps(plan(stack)))
        words = [str(checkov), "--file", str(document), "--framework", "terraform_plan", "--output", "json"]
        done = subprocess.run(
            [*words, "--compact", "--skip-download", "--soft-fail"],
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotScanned(f"{office}: checkov ended with {done.returncode}: {last}") from error
    return read(office, answer, sum(each.kind.startswith("aws:") for each in stack.resources))


def read(office: str, answer: dict[str, object], wanted: int) -> Scan:
    """`wanted`: the resources that were handed over; one that was not understood would pass everything."""
    summary, results = answer["summary"], answer["results"]
    assert isinstance(summary, dict)
    assert isinstance(results, dict)
    if summary["parsing_errors"] or summary["resource_count"] != wanted:
        raise NotScanned(f"{office}: checkov understood {summary['resource_count']} of {wanted} resources")
    findings = tuple(
        Finding(
            check=each["check_id"],
            says=each["check_name"],
            office=office,
            resource=each["resource"].partition(".")[2],
        )
        for each in results["failed_checks"]
    )
    return Scan(resources=wanted, passed=int(summary["passed"]), findings=findings)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m policies.scanner", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--checkov", type=Path, required=True, help="the program")
    given = parser.parse_args(arguments)
    found: list[Finding] = []
    try:
        for office in Fleet.load(Path.cwd()).offices:
            made = scan(office.name, given.checkov)
            found += made.findings
            checks = f"{made.passed} checks passed, {len(made.findings)} not"
            print(f"{office.name}: {made.resources} resources, {checks}")
    except (NotScanned, FileNotFoundError) as error:
        print(f"policies.scanner: {error}", file=sys.stderr)
        return 2
    exceptions = load()
    told = faults(found, exceptions)
    for fault in told:
        print(fault)
    print(f"{len(exceptions)} exceptions, {len(told)} faults")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())

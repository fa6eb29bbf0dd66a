"""`python -m residency`: every way by which something can leave an office, with the reason in its file.

Runs the Pulumi program in process, without AWS. Exit code 1 when a way is not named, or a name has no way.
"""

import argparse
import sys
from pathlib import Path

from components.faults import InvalidOffices
from components.roster import Fleet
from policies.program import declared
from residency.report import markdown
from residency.walk import judge, sentence

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m residency", description=__doc__)
    parser.add_argument("--write", type=Path, help="also write the report as Markdown, between its markers")
    arguments = parser.parse_args()
    try:
        fleet = Fleet.load(ROOT)
    except InvalidOffices as error:
        print(error, file=sys.stderr)
        return 1
    judgements = {office.name: judge(declared(office.name), fleet, office.name) for office in fleet.offices}
    report = markdown(judgements)
    print(report)
    if arguments.write:
        _put(arguments.write, report)
    faults = [sentence(edge) for each in judgements.values() for edge in each.unnamed]
    faults += [fault for each in judgements.values() for fault in each.idle]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def _put(path: Path, report: str) -> None:
    """Replaces what stands between the markers; the text around it is written by hand."""
    start, end = "<!-- residency -->\n", "<!-- /residency -->"
    before, _, rest = path.read_text().partition(start)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path}: needs the lines {start.strip()} and {end}, between which the report goes")
    path.write_text(f"{before}{start}{report}{end}{after}")


if __name__ == "__main__":
    sys.exit(main())

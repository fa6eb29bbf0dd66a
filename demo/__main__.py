"""`make demo`: three offices on this machine, one sample from a branch's upload to HQ's view, then the fleet.

A mock community of real genomes, whose composition is known, is uploaded to eu by an identity that may only
put uploads there and read results. What comes back is checked in every byte, and compared with the truth.
Then three offices work, partners receive, headquarters asks and recalls (`demo.acts`). The exit code is 0
only when all of it holds.
"""

import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from canary import mock, truth
from demo import acts, results, story
from demo.partner import Partner
from demo.tree import grown
from twin.offices import office

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
SAMPLE = "metagenome/demo/mock community +1"  # a space and a plus sign: keys are the branch's to choose
PAIRS, SEED = 100_000, 1
FEW_PAIRS = 6_000  # of the other offices' samples
FARTHEST = 0.05  # Bray-Curtis distance of the measured composition from the truth

console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    console.width = 120  # a log has no width of its own


def main() -> int:
    began = time.monotonic()
    console.rule("[bold]Global BI Platform: one sample, end to end")
    with console.status("Making a mock community of known composition …"):
        made = ROOT / ".build" / "mock"
        community = mock.community(made, pairs=PAIRS, seed=SEED)
        small = mock.community(made, pairs=FEW_PAIRS, seed=SEED, options=("--only-sample",))
    size_mb = community.input_tar.stat().st_size / 1e6
    console.print(f"Sample      {size_mb:.0f} MB, {PAIRS:,} read pairs of known origin")
    claims = acts.Claims(console)
    with story.three_offices(HOME, console, _with_partners) as offices:
        with console.status("Bringing the references to HQ's bucket, from where they replicate …"):
            offices.publish_references(community.references)
        partners = _partners(offices.twin.endpoint)
        for partner in partners.values():
            partner.make_bucket()
        partners["acme"].let_in()
        upload = offices.upload("eu", f"{SAMPLE}/input.tar", community.input_tar)
        console.print(f"Uploaded    s3://{upload.bucket}/{upload.key} as the branch's identity")
        status = offices.follow("eu", SAMPLE)
        if status["state"] != "succeeded":
            raise story.Unfinished(f"the sample ended as {status['state']}: {status['summary']}")
        fetched = results.fetch(
            offices.branch("eu"),
            offices.outputs["eu"]["results_bucket"],
            status["results"]["prefix"],
            HOME / "results",
        )
        row = offices.in_fleet_table("eu", fetched.manifest["run_id"], "succeeded")
        distance = _compare(community.truth, fetched.folder / "abundance" / "species.tsv")
        console.print(f"Read first  {fetched.folder / 'report.html'}")
        files = len(fetched.manifest["files"])
        claims.seen(f"{files} files, every SHA-256 as in the manifest", True)
        claims.seen(
            f"the composition is {distance:.4f} from the truth (at most {FARTHEST})", distance <= FARTHEST
        )
        console.rule("[bold]The fleet: three offices, two partners, headquarters")
        acts.Acts(offices=offices, partners=partners, main=row, small=small.input_tar, claims=claims).play()
        _show_fleet(offices.fleet_table())
    console.print(f"Took        {time.monotonic() - began:.0f} s")
    if claims.missed:
        console.print(f"[red]Not seen: {'; '.join(claims.missed)}")
        return 1
    console.print("[green]All well: every line above was seen and checked.")
    return 0


def _partners(endpoint: str) -> dict[str, Partner]:
    sender = office("eu")
    return {
        name: Partner(name=name, account=account, sender=sender, endpoint=endpoint)
        for name, account in acts.ACCOUNTS.items()
    }


def _with_partners(folder: Path) -> Path:
    return grown(folder, "eu", acts.settings(_partners("")))


def _show_fleet(rows: list[dict[str, Any]]) -> None:
    table = Table(title="HQ's table: every sample of every office", title_justify="left")
    for column in ("office", "sample", "state", "attempt", "received", "running", "ended"):
        table.add_column(column)
    for row in rows:
        times = row.get("times", {})
        moments = (str(times.get(state, ""))[11:19] for state in ("received", "running", row["state"]))
        sample = f"{row['pipeline']}/{row['project']}/{row['sample']}"
        table.add_row(row["office"], sample, row["state"], str(row["attempt"]), *moments)
    console.print(table)


def _compare(true: Path, species: Path) -> float:
    expected, (measured, names) = truth.true_shares(true), truth.measured_shares(species)
    table = Table(
        title="Measured beside the truth (share of the reads of known species)", title_justify="left"
    )
    for column in ("species", "truth", "measured"):
        table.add_column(column, justify="left" if column == "species" else "right")
    for taxid in sorted(expected.keys() | measured.keys(), key=lambda t: -expected.get(t, 0.0)):
        table.add_row(
            names.get(taxid, f"taxid {taxid}"),
            f"{expected.get(taxid, 0):.2%}",
            f"{measured.get(taxid, 0):.2%}",
        )
    console.print(table)
    return truth.bray_curtis(expected, measured)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (story.Unfinished, results.Incomplete, mock.NotMade) as error:
        console.print(f"[red]The demo did not end well: {error}")
        sys.exit(1)

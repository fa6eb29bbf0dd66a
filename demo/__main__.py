"""`make demo`: three offices on this machine, and one sample from a branch's upload to HQ's view.

A mock community of real genomes, whose composition is known, is uploaded to eu by an identity that may only
put uploads there and read results. What comes back is checked in every byte, and compared with the truth. The
exit code is 0 only when all of it holds.
"""

import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from canary import mock, truth
from demo import results, story

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".demo"
SAMPLE = "metagenome/demo/mock community +1"  # a space and a plus sign: keys are the branch's to choose
PAIRS, SEED = 100_000, 1
FARTHEST = 0.05  # Bray-Curtis distance of the measured composition from the truth

console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    console.width = 120  # a log has no width of its own


def main() -> int:
    began = time.monotonic()
    console.rule("[bold]Global BI Platform: one sample, end to end")
    with console.status("Making a mock community of known composition …"):
        community = mock.community(ROOT / ".build" / "mock", pairs=PAIRS, seed=SEED)
    size_mb = community.input_tar.stat().st_size / 1e6
    console.print(f"Sample      {size_mb:.0f} MB, {PAIRS:,} read pairs of known origin")
    with story.three_offices(HOME, console) as offices:
        with console.status("Bringing the references to HQ's bucket, from where they replicate …"):
            offices.publish_references(community.references)
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
        _show_fleet(offices.fleet_table())
    distance = _compare(community.truth, fetched.folder / "abundance" / "species.tsv")
    files = len(fetched.manifest["files"])
    console.print(f"Results     {files} files, every SHA-256 as in the manifest: {fetched.folder}")
    console.print(f"HQ          {row['office']} {row['sample']}: {row['state']}")
    console.print(f"Read first  {fetched.folder / 'report.html'}")
    console.print(f"Took        {time.monotonic() - began:.0f} s")
    if distance > FARTHEST:
        console.print(f"[red]The composition is {distance:.4f} from the truth, at most {FARTHEST} is right.")
        return 1
    console.print(f"[green]All well: the composition is {distance:.4f} from the truth (at most {FARTHEST}).")
    return 0


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

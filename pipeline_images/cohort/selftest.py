"""Run while the image is built: a folder of results becomes a report; what cannot be compared is refused."""

import csv
import json
import subprocess
import tempfile
from pathlib import Path


def write_sample(folder: Path, reads: dict[str, int]) -> None:
    (folder / "abundance").mkdir(parents=True)
    total = sum(reads.values())
    rows = [
        f"{n}\t{name}\tspecies\t{count}\t{count / total:.6f}" for n, (name, count) in enumerate(reads.items())
    ]
    header = "taxid\tname\trank\treads\trelative_abundance"
    (folder / "abundance" / "species.tsv").write_text("\n".join([header, *rows]) + "\n")


def pipeline(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("python3", "-m", "runner", str(source), str(output)), capture_output=True, text=True, check=False
    )


with tempfile.TemporaryDirectory() as room:
    source, output = Path(room, "in"), Path(room, "out")
    for number in range(6):
        write_sample(source / f"s{number}", {"Escherichia coli": 500 + number, "Bacillus subtilis": 500})
    write_sample(source / "odd", {"Listeria monocytogenes": 900, "Escherichia coli": 100})
    done = pipeline(source, output)
    assert done.returncode == 0, done.stderr
    assert json.loads((output / "summary.json").read_text())["outliers"] == ["odd"]
    table = list(csv.DictReader((output / "abundance.tsv").open(), delimiter="\t"))
    assert {row["species"]: row["odd"] for row in table}["Listeria monocytogenes"] == "0.900000"
    text = (output / "report.html").read_text()
    assert "odd is unlike the others" in text
    assert text.count("<svg") == 2

    empty = Path(room, "empty")
    empty.mkdir()
    done = pipeline(empty, Path(room, "none"))
    assert done.returncode == 65, (done.returncode, done.stderr)
    assert "no sample here" in done.stderr
print("the cohort's report is made, and its outlier found")

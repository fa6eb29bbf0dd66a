"""Short and long reads go their own ways to Kraken 2: numbered, measured, and without the host's."""

import gzip
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from metagenome.clean_reads import passing
from metagenome.cleaning import SHORTEST, SHORTEST_OF_LONG, Cleaned, clean, deacon, fastp, removes_host
from metagenome.measured import Measured, Measuring, n50
from metagenome.read_kind import ReadKind
from metagenome.settings import Settings
from metagenome_samples import records, upload
from programs.chain import Program
from programs.outcome import BadInput, Failed
from sequencing.kept import write_kept
from sequencing.reads import Reads, find_reads


def settings(
    folder: Path, host: Path | None = None, deacon: Path | None = None, threads: int = 1
) -> Settings:
    return Settings(
        kraken2=folder,
        deacon=deacon,
        host=host,
        sylph=None,
        threads=threads,
        sample="s",
        scratch=folder,
        meta=None,
    )


@pytest.fixture(autouse=True)
def _modules_of_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def cleaned(reads: Reads, kind: ReadKind, using: Settings, work: Path) -> tuple[Cleaned, list[str]]:
    """What `clean` tells, and the bases that came through to Kraken 2, in whose place a file is written."""
    through = work / "through"
    then = [
        passing(using, work / "notes", work / "found", paired=reads.paired),
        Program(name="kraken2", command=("cat",), output=through),
    ]
    told = clean(reads, kind, using, work, work / "fastp.json", then)
    return told, through.read_text().splitlines()[1::4]


def test_n50_is_of_bases_and_not_of_reads() -> None:
    """A run of many scraps would look like one of long reads, or the other way round."""
    assert n50([2, 2, 2, 3, 3, 4, 8, 8]) == 8
    assert n50([100] * 9 + [1_000]) == 1_000
    assert n50([100] * 11 + [1_000]) == 100
    assert n50([]) == 0


def test_what_is_measured_is_passed_on_whole() -> None:
    """Reads would be lost, or counted twice, on the way to the host removal."""
    written: list[bytes] = []
    measuring = Measuring(written.append, 3)
    blocks = [records(["A" * 1_000, "C" * 500]).encode(), records(["G" * 3]).encode(), b""]
    for block in blocks:
        measuring(block)
    assert written == blocks
    assert measuring.measured() == Measured(bases=1_503, mean_length=501, n50=1_000)
    assert Measuring(written.append, 3).measured() == Measured(bases=0, mean_length=0, n50=0)


def test_long_reads_too_short_to_be_known_as_the_hosts_go_no_further() -> None:
    """Short scraps of human DNA would get past the host removal and into the results."""
    written: list[bytes] = []
    measuring = Measuring(written.append, SHORTEST_OF_LONG)
    measuring(records(["A" * 1_000, "C" * 199, "G" * 200, "T"]).encode())
    assert b"".join(written).splitlines()[1::4] == [b"A" * 1_000, b"G" * 200]
    assert written[0].endswith(b"\n")
    assert measuring.passed == 2
    assert measuring.measured().bases == 1_400  # of the upload


def test_long_reads_without_a_host_are_all_kept_as_they_are(tmp_path: Path) -> None:
    """fastp would cut reads that it is not made for; followers would not find the reads again."""
    sequences = ["ACGTN" * 400, "", "ACGT", "TTGCA" * 900]
    reads = find_reads(upload(tmp_path / "in", s__fastq__gz=records(sequences)))
    told, through = cleaned(reads, ReadKind.LONG, settings(tmp_path), tmp_path)
    assert (told.fed.fragments, told.fed.without_bases, told.filtered) == (3, 1, 2)
    assert told.measured == Measured(bases=6_504, mean_length=2_168, n50=4_500)
    assert through == [sequences[0], sequences[3]]
    write_kept(reads, 4, tmp_path / "notes", tmp_path / "kept.tsv.gz")
    assert gzip.decompress((tmp_path / "kept.tsv.gz").read_bytes()) == b"2000\n0\n0\n4500\n"
    assert not (tmp_path / "fastp.json").exists()


def test_long_reads_without_bases_are_refused(tmp_path: Path) -> None:
    """Kraken 2 would fail on an empty file, and the branch read of a broken tool."""
    reads = find_reads(upload(tmp_path / "in", s__fastq=records(["", ""])))
    with pytest.raises(BadInput, match="no read with bases"):
        cleaned(reads, ReadKind.LONG, settings(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("kind", "there", "missing"), [(ReadKind.SHORT, "host", "deacon"), (ReadKind.LONG, "deacon", "host")]
)
def test_a_host_known_for_the_other_kind_of_reads_stops_the_sample(
    tmp_path: Path, kind: ReadKind, there: str, missing: str
) -> None:
    """Human reads would be published, though the office has a reference for them."""
    with pytest.raises(Failed, match=f"role {there}, but none for {missing}") as failed:
        removes_host(settings(tmp_path, **{there: tmp_path / "reference"}), kind)
    assert failed.value.code == 78
    assert removes_host(settings(tmp_path, **{missing: tmp_path / "reference"}), kind)
    assert not removes_host(settings(tmp_path), kind)


def test_each_tool_gets_threads_and_one_at_the_least(tmp_path: Path) -> None:
    """A job of one core would give a tool none, and fail; one of many would leave most of them idle."""
    reads = find_reads(upload(tmp_path / "in", s__fastq=records(["ACGT"])))

    def threads(of: int) -> list[str]:
        using = settings(tmp_path, deacon=tmp_path / "host.idx", threads=of)
        commands = [fastp(reads, using, tmp_path / "f").command, deacon(reads, using).command]
        return [str(command[command.index(f"--thread{'s' * n}") + 1]) for n, command in enumerate(commands)]

    assert [threads(of) for of in (1, 2, 4, 64)] == [["1", "1"], ["1", "1"], ["2", "1"], ["4", "16"]]


@pytest.mark.skipif(
    not (shutil.which("minimap2") and shutil.which("samtools")), reason="minimap2 and samtools are not here"
)
def test_the_hosts_long_reads_go(tmp_path: Path) -> None:
    """Human reads would be published."""
    chance = random.Random(1)
    host, microbe = ("".join(chance.choices("ACGT", k=20_000)) for _ in range(2))
    (tmp_path / "host.fa").write_text(f">h\n{host}\n")
    starts = range(0, 16_000, 2_000)
    mixed = [genome[at : at + 3_000] for at in starts for genome in (host, microbe)]
    reads = find_reads(upload(tmp_path / "in", s__fastq=records(mixed)))
    told, through = cleaned(reads, ReadKind.LONG, settings(tmp_path, host=tmp_path / "host.fa"), tmp_path)
    assert told.filtered == 2 * len(starts)
    assert through == mixed[1::2]


@pytest.mark.skipif(
    not (shutil.which("fastp") and shutil.which("deacon")), reason="fastp, deacon are not here"
)
@pytest.mark.parametrize("mates", [1, 2])
def test_the_hosts_short_reads_go_down_to_the_shortest(tmp_path: Path, mates: int) -> None:
    """deacon's own settings want two words of a pair: most human fragments of 45 to 60 bases would stay."""
    chance = random.Random(2)
    host, microbe = ("".join(chance.choices("ACGT", k=30_000)) for _ in range(2))
    (tmp_path / "host.fa").write_text(f">h\n{host}\n")
    index = tmp_path / "host.idx"
    subprocess.run(["deacon", "index", "build", "-q", "-o", index, tmp_path / "host.fa"], check=True)
    lengths = [SHORTEST + n % 40 for n in range(600)]
    starts = [chance.randrange(29_000) for _ in lengths]
    mixed = [
        genome[at : at + bases]
        for at, bases in zip(starts, lengths, strict=True)
        for genome in (host, microbe)
    ]
    turned = str.maketrans("ACGT", "TGCA")
    files = {
        "s_R1__fastq": records(mixed),
        "s_R2__fastq": records([m.translate(turned)[::-1] for m in mixed]),
    }
    files = files if mates == 2 else {"s__fastq": records(mixed)}
    reads = find_reads(upload(tmp_path / "in", **files))
    told, through = cleaned(reads, ReadKind.SHORT, settings(tmp_path, deacon=index), tmp_path)
    assert told.filtered == len(mixed)
    assert sorted(through[::mates]) == sorted(mixed[1::2])

"""The clean reads of a pipeline come out of the upload and its table of kept bases, byte for byte."""

import gzip
import io
import time
from pathlib import Path
from random import Random

import pytest
from programs.outcome import BadInput, Failed
from sequencing.kept import feed_kept, write_kept
from sequencing.reads import Reads, find_reads

CLEANED = ("clean_1.fastq", "clean_2.fastq")


def record(name: str, bases: str, quality: str | None = None) -> str:
    return f"@{name}\n{bases}\n+\n{quality or 'I' * len(bases)}\n"


def upload(folder: Path, lanes: list[tuple[str, list[tuple[str, ...]]]], *, names: str = "{}") -> Reads:
    """Write lanes of (name, bases of each mate) as an upload's files."""
    folder.mkdir()
    for lane, fragments in lanes:
        for mate in range(len(fragments[0]) - 1):
            suffix = f"_{lane}_R{mate + 1}" if len(fragments[0]) > 2 else f"_{lane}"
            text = "".join(record(names.format(each[0], mate=mate + 1), each[mate + 1]) for each in fragments)
            (folder / f"s{suffix}.fastq.gz").write_bytes(gzip.compress(text.encode()))
    return find_reads(folder)


def cleaned(folder: Path, fragments: list[tuple[str, ...]]) -> list[Path]:
    """Write clean fragments as tools leave them: one file for each mate, names without /1 and comments."""
    paths = [folder / name for name in CLEANED[: len(fragments[0]) - 1]]
    for mate, path in enumerate(paths):
        path.write_text("".join(record(each[0], each[mate + 1]) for each in fragments))
    return paths


def again(reads: Reads, table: Path | None) -> str:
    out = io.BytesIO()
    feed_kept(reads, table, out.write)
    return out.getvalue().decode()


@pytest.mark.parametrize("seed", range(20))
def test_any_cleaning_comes_out_again(tmp_path: Path, seed: int) -> None:
    """A follow-on that works on other reads than the run before gives a result that fits to nothing."""
    random = Random(seed)
    mates = 1 + seed % 2
    lanes, clean = [], []
    for lane in ("L001", "L002"):
        fragments = []
        for number in range(random.randrange(1, 60)):
            # The same names in both lanes, and now and then the same read twice in a row.
            bases = tuple("".join(random.choices("ACGTN", k=random.randrange(40, 80))) for _ in range(mates))
            fragments += [(f"r{number}", *bases)] * random.choice((1, 1, 1, 2))
        lanes.append((lane, fragments))
        for name, *bases in fragments:
            if random.random() < 0.6:
                clean.append((name, *(each[: random.randrange(35, len(each) + 1)] for each in bases)))
    if not clean:
        clean.append(lanes[0][1][0])
    reads = upload(tmp_path / "upload", lanes, names="{}/{mate} 1:N:0" if mates == 2 else "{} 1:N:0")
    table = tmp_path / "reads" / "kept.tsv.gz"
    write_kept(reads, cleaned(tmp_path, clean), table)
    found = again(reads, table).splitlines()
    assert [line for number, line in enumerate(found) if number % 4 == 1] == [
        bases for fragment in clean for bases in fragment[1:]
    ]
    assert [line.split("/")[0].split(" ")[0] for line in found[:: 4 * mates]] == [
        f"@{each[0]}" for each in clean
    ]


def test_what_bam_writes_otherwise_is_the_same_read(tmp_path: Path) -> None:
    """samtools writes capitals and T for U: that must not stop a sample."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "acgu.ACGT"), ("b", "GGGGGGGGG")])])
    table = tmp_path / "kept.tsv.gz"
    write_kept(reads, cleaned(tmp_path, [("a", "ACGTNAC")]), table)
    assert gzip.decompress(table.read_bytes()) == b"7\n0\n"
    assert again(reads, table) == record("a", "acgu.AC")


def test_without_a_table_all_reads_are_kept(tmp_path: Path) -> None:
    """Reads that were uploaded to the follow-on itself are taken as they are."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGT", "GGTT")])])
    assert again(reads, None) == record("a", "ACGT") + record("a", "GGTT")


@pytest.mark.parametrize(
    "clean", [[("other", "ACGT")], [("a", "CCGT")], [("b", "GGGG"), ("a", "ACGT")], [("a", "ACGTACGTACGT")]]
)
def test_reads_that_are_not_the_upload_s_are_found(tmp_path: Path, clean: list[tuple[str, ...]]) -> None:
    """A tool that changes the order or the bases would make a table of wrong reads."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGTACGT"), ("b", "GGGGGGGG")])])
    with pytest.raises(Failed, match="is none of the upload's"):
        write_kept(reads, cleaned(tmp_path, clean), tmp_path / "kept.tsv.gz")


@pytest.mark.parametrize("lines", [b"8\n", b"8\n8\n8\n", b"9\n8\n", b"x\n8\n", b"8\t8\n8\n", b"-1\n8\n"])
def test_a_table_of_other_reads_is_not_used(tmp_path: Path, lines: bytes) -> None:
    """Cut at the wrong places, reads would look like a poor sample instead of a mistake."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGTACGT"), ("b", "GGGGGGGG")])])
    table = tmp_path / "kept.tsv.gz"
    table.write_bytes(gzip.compress(lines))
    with pytest.raises(Failed, match="is of other reads than") as caught:
        again(reads, table)
    assert caught.value.code == 78


def test_a_damaged_upload_is_still_bad_input(tmp_path: Path) -> None:
    """The sentence is the branch's, whichever pipeline reads the file."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGTACGT"), ("b", "GGGGGGGG")])])
    path = reads.lanes[0].read1
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BadInput, match="is cut off"):
        again(reads, None)


def test_the_table_is_small(tmp_path: Path) -> None:
    """It stands for reads that would double what an office keeps."""
    random = Random(1)
    pairs = [(f"r{n}", *("".join(random.choices("ACGT", k=150)) for _ in range(2))) for n in range(5_000)]
    reads = upload(tmp_path / "upload", [("L1", pairs)])
    clean = [(n, a[: random.choice((150, 150, 150, 120))], b) for n, a, b in pairs if random.random() < 0.9]
    table = tmp_path / "kept.tsv.gz"
    started = time.monotonic()
    write_kept(reads, cleaned(tmp_path, clean), table)
    print(f"{len(pairs) / (time.monotonic() - started):,.0f} pairs a second, {table.stat().st_size} bytes")
    uploaded = sum(path.stat().st_size for lane in reads.lanes for path in lane.files)
    assert table.stat().st_size < 0.01 * uploaded

"""The clean reads of a pipeline come out of the upload and its table of kept bases, byte for byte."""

import gzip
import io
from pathlib import Path
from random import Random

import pytest
from programs.outcome import BadInput, Failed
from sequencing.kept import feed_kept, feed_numbered, pass_clean, write_kept
from sequencing.reads import Reads, find_reads


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


Clean = tuple[int, tuple[str, ...]]  # a fragment's number, and what is left of each of its reads


def cleaned(folder: Path, reads: Reads, fragments: list[Clean]) -> Path:
    """What is noted of clean fragments that tools leave behind one another, in any order."""
    numbered = io.BytesIO()
    feed_numbered(reads, numbered.write)
    heads = numbered.getvalue().decode().splitlines()[::4]
    mates = 2 if reads.paired else 1
    records = []
    for number, left in fragments:
        for mate in range(mates):
            # samtools writes its tags behind a tab, and no /1
            [head] = [h for h in heads[mate::mates] if h.endswith(f" fn:i:{number}")]
            name = head.split()[0].removesuffix(f"/{mate + 1}").removeprefix("@")
            records.append(record(f"{name}\tfn:i:{number}", left[mate]))
    return passed(folder, "".join(records), mates)


def passed(folder: Path, text: str, mates: int) -> Path:
    """The notes of a stream of clean reads, which have to come out as they went in."""
    out = io.BytesIO()
    blocks = list(pass_clean(io.BytesIO(text.encode()), out.write, mates, folder / "notes"))
    assert out.getvalue().decode() == text
    assert [bases.decode() for block in blocks for bases in block] == text.splitlines()[1::4]
    return folder / "notes"


def again(reads: Reads, table: Path | None) -> str:
    out = io.BytesIO()
    feed_kept(reads, table, out.write)
    return out.getvalue().decode()


@pytest.mark.parametrize("seed", range(20))
def test_any_cleaning_comes_out_again(tmp_path: Path, seed: int) -> None:
    """A follow-on that works on other reads than the run before gives a result that fits to nothing."""
    random = Random(seed)
    mates = 1 + seed % 2
    lanes: list[tuple[str, list[tuple[str, ...]]]] = []
    clean: list[Clean] = []
    number = 0
    for lane in ("L001", "L002"):
        fragments: list[tuple[str, ...]] = []
        for name in range(random.randrange(1, 60)):  # the same names in both lanes
            bases = tuple("".join(random.choices("ACGTN", k=random.randrange(40, 80))) for _ in range(mates))
            fragments.append((f"r{name}", *bases))
            if random.random() < 0.6:
                clean.append((number, tuple(each[: random.randrange(35, len(each) + 1)] for each in bases)))
            number += 1
        lanes.append((lane, fragments))
    reads = upload(tmp_path / "upload", lanes, names="{}/{mate} 1:N:0" if mates == 2 else "{} 1:N:0")
    table = tmp_path / "reads" / "kept.tsv.gz"
    disordered = random.sample(clean, len(clean))
    write_kept(reads, number, cleaned(tmp_path, reads, disordered), table)
    found = again(reads, table).splitlines()
    assert found[1::4] == [bases for _, left in clean for bases in left]
    names = [each[0] for _, fragments in lanes for each in fragments]
    assert [line.split("/")[0].split(" ")[0] for line in found[:: 4 * mates]] == [
        f"@{names[n]}" for n, _ in clean
    ]


def test_the_name_of_a_read_stays(tmp_path: Path) -> None:
    """fastp knows sequencers, and minimap2 mates, by the name."""
    reads = upload(tmp_path / "upload", [("L1", [("NS500:1", "ACGT", "GGTT")])], names="{}/{mate} 1:N:0:ATC")
    out = io.BytesIO()
    assert feed_numbered(reads, out.write).fragments == 1
    assert out.getvalue().decode().splitlines()[::4] == ["@NS500:1/1 fn:i:0", "@NS500:1/2 fn:i:0"]


def test_what_bam_writes_otherwise_is_the_same_read(tmp_path: Path) -> None:
    """samtools writes capitals and T for U: that must not stop a sample."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "acgu.ACGT"), ("b", "GGGGGGGGG")])])
    table = tmp_path / "kept.tsv.gz"
    write_kept(reads, 2, cleaned(tmp_path, reads, [(0, ("ACGTNAC",))]), table)
    assert gzip.decompress(table.read_bytes()) == b"7\n0\n"
    assert again(reads, table) == record("a", "acgu.AC")


def test_a_read_without_bases_has_its_line(tmp_path: Path) -> None:
    """One line too few, and every read behind it would be cut as its neighbour."""
    reads = upload(tmp_path / "upload", [("L1", [("a", ""), ("b", "GGGGGGGGG")])])
    out = io.BytesIO()
    fed = feed_numbered(reads, out.write)
    assert (fed.fragments, fed.without_bases) == (1, 1)
    table = tmp_path / "kept.tsv.gz"
    write_kept(reads, 2, cleaned(tmp_path, reads, [(1, ("GGG",))]), table)
    assert again(reads, table) == record("b", "GGG")


def test_without_a_table_all_reads_are_kept(tmp_path: Path) -> None:
    """Reads that were uploaded to the follow-on itself are taken as they are."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGT", "GGTT")])])
    assert again(reads, None) == record("a", "ACGT") + record("a", "GGTT")


@pytest.mark.parametrize(
    "text",
    [
        record("a", "ACGT"),  # a tool that drops the number
        record("a fn:i:0", "CCGT"),  # one that changes bases
        record("a fn:i:0", "CGTA"),  # one that cuts the beginning
        record("a fn:i:0", "ACGTACGTACGT"),  # one that adds to them
        record("a fn:i:2", "ACGT"),  # a read that the upload does not have
    ],
)
def test_reads_that_no_table_can_stand_for_are_found(tmp_path: Path, text: str) -> None:
    """A cleaning tool with another setting would make a table of wrong reads."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGTACGT"), ("b", "GGGGGGGG")])])
    with pytest.raises(Failed, match=r"is not the beginning of one of the upload's|has lost its number"):
        write_kept(reads, 2, passed(tmp_path, text, 1), tmp_path / "kept.tsv.gz")


def test_a_read_beyond_those_that_are_compared_must_be_the_uploads_too(tmp_path: Path) -> None:
    """Numbers from another sample would be written into the table, or past its end."""
    reads = upload(tmp_path / "upload", [("L1", [("a", "ACGT")])])
    with pytest.raises(Failed, match="number 5,000 is not"):
        write_kept(reads, 1, passed(tmp_path, record("a fn:i:5000", "ACGT"), 1), tmp_path / "kept.tsv.gz")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (record("a fn:i:0", "ACGT") + record("b fn:i:1", "ACGT"), "one behind the other"),
        (record("a fn:i:0", "ACGT") * 3, "in the middle of a fragment"),
        (record("a fn:i:0", "ACGT") * 2 + "@a fn:i:1\nAC", "in the middle of a fragment"),
    ],
)
def test_mates_that_lost_each_other_are_found(tmp_path: Path, text: str, words: str) -> None:
    """Each mate would be classified with a stranger's, and the table be of neither."""
    with pytest.raises(Failed, match=words):
        passed(tmp_path, text, 2)


def test_blocks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads would be lost, or cut in two, wherever a pipe happens to hand over."""
    text = "".join(record(f"r{n} fn:i:{n // 2}", "ACGT" * (n + 1)) for n in range(20))
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("sequencing.kept._BLOCK_BYTES", size)
        passed(tmp_path, text, 2)


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
    lengths = {n: [random.choice((150, 150, 150, 120)) for _ in (1, 2)] for n in range(5_000) if n % 10}
    text = "".join(
        record(f"{pairs[n][0]} fn:i:{n}", pairs[n][mate + 1][:bases])
        for n, kept in lengths.items()
        for mate, bases in enumerate(kept)
    )
    table = tmp_path / "kept.tsv.gz"
    write_kept(reads, len(pairs), passed(tmp_path, text, 2), table)
    uploaded = sum(path.stat().st_size for lane in reads.lanes for path in lane.files)
    assert table.stat().st_size < 0.01 * uploaded

"""Every record is looked at on its way into the first tool: damage never gives a result."""

import gzip
from pathlib import Path

import pytest
from metagenome_samples import fastq, upload
from programs.outcome import BadInput
from sequencing.checks import Fed, feed
from sequencing.reads import find_reads


def fed(folder: Path) -> tuple[Fed, bytes]:
    written: list[bytes] = []
    return feed(find_reads(folder), written.append), b"".join(written)


def refusal(folder: Path) -> str:
    with pytest.raises(BadInput) as refused:
        fed(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_mates_are_interleaved_lane_by_lane(tmp_path: Path) -> None:
    """Reads would be lost, or paired with strangers."""
    upload(
        tmp_path,
        s_L1_R1__fastq__gz=fastq(2, mate=1),
        s_L1_R2__fastq__gz=fastq(2, mate=2),
        s_L2_R1__fastq=fastq(1, mate=1, start=9),
        s_L2_R2__fastq=fastq(1, mate=2, start=9),
    )
    counted, written = fed(tmp_path)
    heads = [line for line in written.decode().splitlines() if line.startswith("@")]
    assert counted.fragments == 3
    assert heads == [f"@run:{read} {mate}:N:0" for read in (0, 1, 9) for mate in (1, 2)]


def test_what_a_name_says_of_packing_does_not_matter(tmp_path: Path) -> None:
    """People rename files: plain text called .gz, and gzip called .fastq, are still reads."""
    upload(tmp_path / "a", s__fastq__gz=fastq(4).encode())
    upload(tmp_path / "b", s__fastq=gzip.compress(fastq(4).encode()))
    assert fed(tmp_path / "a") == fed(tmp_path / "b")
    assert fed(tmp_path / "a")[0].fragments == 4


def test_unusual_but_right_files_are_read(tmp_path: Path) -> None:
    """Windows line ends, blank lines at the end or no last newline would get good samples refused."""
    for name, text in {
        "windows": fastq(3).replace("\n", "\r\n"),
        "blank": fastq(3) + "\n\n",
        "unended": fastq(3).rstrip("\n"),
        "two gzip files in one": gzip.compress(fastq(1).encode()) + gzip.compress(fastq(2, start=1).encode()),
    }.items():
        counted, written = fed(upload(tmp_path / name, s__fastq=text))
        assert (counted.fragments, written) == (3, fastq(3).encode()), name


def test_pairs_with_an_empty_mate_are_counted_and_left_out(tmp_path: Path) -> None:
    """Trimmed files have empty reads; the tools stop at the first one and would drop the rest unseen."""
    empty = "@run:0 1:N:0\n\n+\n\n"
    upload(tmp_path, s_R1__fastq=empty + fastq(2, start=1), s_R2__fastq=fastq(3, mate=2))
    counted, written = fed(tmp_path)
    assert (counted.fragments, counted.without_bases) == (2, 1)
    assert b"run:0" not in written


@pytest.mark.parametrize("ends", ["12", ".1.2", "_1_2", "/1/2"])
def test_names_that_end_in_the_mate_become_slash_names(tmp_path: Path, ends: str) -> None:
    """minimap2 pairs mates by name: half of each human pair would stay in the results."""
    half = len(ends) // 2
    one, two = (f"@run.7{end}\nACGT\n+\nIIII\n" for end in (ends[:half], ends[half:]))
    upload(tmp_path, s_R1__fastq=one, s_R2__fastq=two)
    if ends == "12":  # nothing sets the mate apart: these may as well be reads 71 and 72
        assert "the mates do not match" in refusal(tmp_path)
    else:
        assert [line for line in fed(tmp_path)[1].split() if line[:1] == b"@"] == [b"@run.7/1", b"@run.7/2"]


@pytest.mark.parametrize("kept", [1, 12, 30, -1, -4, -8])
def test_a_cut_off_gzip_is_told_by_name(tmp_path: Path, kept: int) -> None:
    """Half a sample would be published as a whole one."""
    whole = gzip.compress(fastq(500, mate=2).encode())
    upload(tmp_path, s_R1__fastq__gz=fastq(500), s_R2__fastq__gz=whole[:kept])
    said = refusal(tmp_path)
    assert said.startswith("s_R2.fastq.gz is "), said
    assert "upload" in said


def test_a_damaged_gzip_is_told_by_name(tmp_path: Path) -> None:
    """Flipped bits in transfer would give wrong reads or a crash that is retried in vain."""
    whole = bytearray(gzip.compress(fastq(500).encode()))
    whole[len(whole) // 2] ^= 0xFF
    assert "s.fastq.gz" in refusal(upload(tmp_path, s__fastq__gz=bytes(whole)))
    whole[len(whole) // 2] ^= 0xFF
    whole[-6] ^= 0x01  # only the checksum
    assert "s.fastq.gz is damaged" in refusal(upload(tmp_path, s__fastq__gz=bytes(whole)))


@pytest.mark.parametrize(("one", "two"), [(5, 3), (3, 5)])
def test_mates_of_different_counts_are_refused_with_both(tmp_path: Path, one: int, two: int) -> None:
    """fastp stops at the shorter file without a word."""
    upload(tmp_path, s_R1__fastq=fastq(one), s_R2__fastq=fastq(two, mate=2))
    said = refusal(tmp_path)
    assert f"s_R{1 if one > two else 2}.fastq has 5 reads" in said
    assert f"s_R{2 if one > two else 1}.fastq 3;" in said


def test_mates_of_different_samples_are_refused(tmp_path: Path) -> None:
    """Two samples' files mixed up would be analysed as one."""
    upload(tmp_path, s_R1__fastq=fastq(3), s_R2__fastq=fastq(3, mate=2, start=1))
    assert "read 1 is called @run:0 in s_R1.fastq and @run:1 in s_R2.fastq" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "s.fastq is empty"),
        ("\n\n", "s.fastq is empty"),
        (">read\nACGT\n>read\nACGT\n", "s.fastq is FASTA"),
        ("some words\nof a person\n", "s.fastq is not FASTQ: read 1"),
        (fastq(3) + "@x\nACGT\n-\nIIII\n", "not FASTQ: read 4"),
        (fastq(3) + "@x\nACGT\n+\nIII\n" + fastq(3), "not FASTQ: read 4"),
        (fastq(3) + "\n" + fastq(3), "not FASTQ: read 4"),
        (fastq(3) + "@x\nACGT\n", "s.fastq is cut off in read 4"),
        ("@x\nMKVLEF\n+\nIIIIII\n", "does not hold DNA"),
        (fastq(50, quality="hhhhggfbBB"), "Phred+64"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "s.fastq is not FASTQ"),
    ],
)
def test_what_is_not_fastq_is_refused_with_the_reason(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """The job would fail, be retried, and the branch would read a tool's error."""
    assert said in refusal(upload(tmp_path, s__fastq=content))


def test_good_qualities_are_not_mistaken_for_old_ones(tmp_path: Path) -> None:
    """A run of high quality only (binned to I, or HiFi's ~) would be refused."""
    for number, quality in enumerate(("IIIIIIIIII", "FFFFFFFFFF", "~~~~~~~~5~", "KKKKKKKKKK")):
        assert fed(upload(tmp_path / str(number), s__fastq=fastq(50, quality=quality)))[0].fragments == 50

"""What the assembly says to reads that it cannot use, and which reads it takes."""

import gzip
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from assembly import assembling
from assembly.__main__ import main
from assembly.assembling import assemble
from assembly.clean_reads import clean_reads
from assembly.settings import Settings, settings_from
from programs.chain import Program
from programs.outcome import BadInput, Failed
from sequencing.reads import find_reads


def fastq(*reads: str) -> bytes:
    return "".join(f"@r{n}\n{bases}\n+\n{'I' * len(bases)}\n" for n, bases in enumerate(reads)).encode()


def sample(folder: Path, *reads: str) -> Path:
    folder.mkdir(exist_ok=True)
    for mate in (1, 2):
        (folder / f"s_R{mate}.fastq").write_bytes(fastq(*reads))
    return folder


def table(folder: Path, *lines: str) -> Path:
    (folder / "reads").mkdir(parents=True)
    path = folder / "reads" / "kept.tsv.gz"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return path


def settings(scratch: Path, environ: Mapping[str, str] | None = None) -> Settings:
    return settings_from(
        {"SCRATCH": str(scratch), "THREADS": "1", "MEMORY_MIB": "1000"} | dict(environ or {})
    )


def test_only_the_clean_reads_are_assembled(tmp_path: Path) -> None:
    """The host's reads must not come back as contigs."""
    reads = find_reads(sample(tmp_path / "in", "ACGTACGT", "GGGGGGGG", "TTTTTTTT"))
    kept = table(tmp_path / "after", "8\t6", "0\t0", "5\t8")
    found = clean_reads(reads, kept, tmp_path / "reads.fastq")
    assert (found.uploaded, found.fragments, found.bases) == (3, 2, 27)
    assert b"GGGG" not in found.file.read_bytes()
    assert found.file.read_bytes().count(b"\n") == 16


def test_nothing_left_is_told_with_what_to_do(tmp_path: Path) -> None:
    """A sample that is all host cannot be assembled, and a branch should know that it is that."""
    reads = find_reads(sample(tmp_path / "in", "ACGTACGT"))
    kept = table(tmp_path / "after", "0\t0")
    with pytest.raises(BadInput, match=r"no read is left to assemble: all 1 pairs .* host's; deplete"):
        clean_reads(reads, kept, tmp_path / "reads.fastq")


def test_long_reads_are_refused(tmp_path: Path) -> None:
    """MEGAHIT would take hours and give nothing of use."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "ont.fastq").write_bytes(fastq("ACGT" * 1_000))
    with pytest.raises(
        BadInput, match=r"the reads are 4,000 bases long on average: .* upload the sample's short"
    ):
        clean_reads(find_reads(folder), None, tmp_path / "reads.fastq")


def test_a_sample_of_which_nothing_comes_together_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty contigs file would be taken for a result."""

    def megahit(program: Program, _logs: Path) -> None:
        out = Path(program.command[list(program.command).index("-o") + 1])
        out.mkdir()
        (out / "final.contigs.fa").write_text("")

    monkeypatch.setattr(assembling, "run_program", megahit)
    reads = find_reads(sample(tmp_path / "in", "ACGTACGT"))
    clean = clean_reads(reads, None, tmp_path / "reads.fastq")
    with pytest.raises(
        BadInput, match=r"of 1 pairs \(16 bases\) no contig of 500 bases .* sequence .* deeper"
    ):
        assemble(reads, clean, settings(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "the upload has no reads inside: it is empty"),
        ({"notes.txt": b"x"}, "the upload has no reads inside: it holds notes.txt"),
        ({"s_R1.fastq": fastq("ACGT")}, "one mate is missing"),
        ({"s_R1.fastq": fastq("ACGT", "A"), "s_R2.fastq": fastq("ACGT")}, "the mates do not match"),
        ({"s.fastq": b">p\nMKVL\n"}, "is FASTA"),
        ({"s.fastq": fastq("MKVLLE")}, "does not hold DNA"),
        ({"s.fastq.gz": gzip.compress(fastq("ACGT" * 30))[:-12]}, "cut off"),
        ({"s.fastq": b""}, "is empty"),
        ({"s.fastq": fastq("", "")}, "no read with bases in it"),
    ],
)
def test_bad_uploads_end_with_65_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, bytes], words: str
) -> None:
    """Reads can be uploaded to the assembly itself: then its sentence is all that a branch gets."""
    source = tmp_path / "in"
    source.mkdir()
    for name, content in files.items():
        (source / name).write_bytes(content)
    output = tmp_path / "out"
    environ = {"SCRATCH": str(tmp_path), "THREADS": "1", "PATH": os.environ["PATH"]}
    assert main([str(source), str(output)], environ) == 65
    told = capsys.readouterr().err
    assert words in told
    assert len(told.strip().splitlines()) == 1
    assert not output.exists()


def test_results_before_without_the_table_are_no_reason_to_take_all_reads(tmp_path: Path) -> None:
    """Going on would put the host's reads into the results."""
    (tmp_path / "after").mkdir()
    with pytest.raises(Failed, match=r"have no reads/kept\.tsv\.gz") as caught:
        settings(tmp_path, {"AFTER": str(tmp_path / "after")})
    assert caught.value.code == 78


def test_a_table_of_another_sample_fails_as_a_mistake_of_ours(tmp_path: Path) -> None:
    """The branch cannot mend it: it must not be told that its upload is bad."""
    sample(tmp_path / "in", "ACGTACGT", "GGGGGGGG")
    table(tmp_path / "after", "8\t8")
    environ = {"SCRATCH": str(tmp_path), "THREADS": "1", "AFTER": str(tmp_path / "after")}
    assert main([str(tmp_path / "in"), str(tmp_path / "out")], environ) == 78


def test_the_memory_must_be_a_number() -> None:
    """MEGAHIT takes nonsense for no memory, and fails an hour later."""
    with pytest.raises(Failed, match="MEMORY_MIB must be a whole number"):
        settings_from({"MEMORY_MIB": "lots"})

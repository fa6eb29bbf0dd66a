"""The steps around cutadapt and vsearch, with tools that pretend. The image's own test runs real ones."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from amplicon.denoising import count, denoise, read_fasta, variants
from amplicon.merging import Uniques, merge
from amplicon.primers import Primers
from amplicon.taxonomy import lineage_text, lineages, unpacked
from amplicon.trimming import Trimmed, adapters, cutadapt, trim
from amplicon_samples import BY_NAME, SINTAX, pretend
from programs.outcome import BadInput, Failed
from programs.versions import versions
from sequencing.checks import Fed
from sequencing.reads import find_reads

BOTH = Primers(forward=BY_NAME["515F"], reverse=BY_NAME["806R"])
Says = Callable[..., None]
# Says the numbers it was given, and writes into its output how it was called.
VSEARCH = """
said = {{'--fastq_mergepairs': '1000 Pairs\\n {merged} Merged (1%)',
        '--fastq_filter': '{kept} sequences kept (of',
        '--derep_fulllength': '{unique} unique sequences', '--derep_prefix': '{unique} unique sequences'}}
print(said[words[0]], file=sys.stderr)
if '--output' in words:
    sys.stdin.read()
    open(words[words.index('--output') + 1], 'w').write(words[0])
"""
# The first call keeps 60 pairs and leaves others, which the second takes. Files tell what they are made of.
CUTADAPT = """
import json
out = lambda option: open(words[words.index(option) + 1], 'w')
first = '--interleaved' in words
if first:
    sys.stdin.read()
    out('--untrimmed-output').write('u1')
    out('--untrimmed-paired-output').write('u2')
for option, primer, source in (('--output', '-g', -2), ('--paired-output', '-G', -1)):
    read = '' if first else open(words[source]).read()
    out(option).write(words[words.index(primer) + 1][:4] + '<' + read + '> ')
json.dump({'read_counts': {'output': 60 if first else 40}}, out('--json'))
"""


def trimmed(*files: Path, left: int = 1000) -> Trimmed:
    return Trimmed(files=files, fed=Fed(fragments=left, without_bases=0), left=left)


@pytest.fixture
def vsearch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Says:
    def says(merged: int = 900, kept: int = 800, unique: int = 100) -> None:
        pretend(monkeypatch, tmp_path, "vsearch", VSEARCH.format(merged=merged, kept=kept, unique=unique))

    return says


def test_pairs_that_overlap_are_counted_as_whole_sequences(vsearch: Says, tmp_path: Path) -> None:
    """Two amplicons of which one begins like the other would be one."""
    vsearch()
    found = merge(trimmed(tmp_path / "1", tmp_path / "2"), 2, tmp_path, "pairs", whole=False)
    assert (found.merged, found.forward_only, found.filtered, found.different) == (900, False, 800, 100)
    assert found.file.read_text() == "--derep_fulllength"


def test_pairs_that_do_not_overlap_give_their_forward_reads(vsearch: Says, tmp_path: Path) -> None:
    """A sample of a long amplicon would have no result, or one of its few odd short molecules."""
    vsearch(merged=150)
    found = merge(trimmed(tmp_path / "1", tmp_path / "2"), 2, tmp_path, "pairs", whole=False)
    assert (found.merged, found.forward_only) == (150, True)
    assert found.file.read_text() == "--derep_prefix"


@pytest.mark.parametrize(("whole", "how"), [(False, "--derep_prefix"), (True, "--derep_fulllength")])
def test_reads_of_one_direction_end_where_the_sequencer_stopped(
    vsearch: Says, tmp_path: Path, whole: bool, how: str
) -> None:
    """Behind spacers, equal molecules end at different bases: each end would be a variant."""
    vsearch()
    assert merge(trimmed(tmp_path / "1"), 2, tmp_path, "reads", whole=whole).file.read_text() == how


def test_nothing_left_after_filtering_is_said(vsearch: Says, tmp_path: Path) -> None:
    """The branch would get an empty table and no reason."""
    vsearch(kept=0)
    with pytest.raises(BadInput, match="no read is left after filtering: of 1,000 pairs all"):
        merge(trimmed(tmp_path / "1", tmp_path / "2"), 2, tmp_path, "pairs", whole=False)


def test_words_of_another_vsearch_are_no_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A new version that says its numbers otherwise would pass as a sample without reads."""
    pretend(monkeypatch, tmp_path, "vsearch", "sys.stdin.read() if '-' in words else 0")
    with pytest.raises(Failed, match="vsearch did not say what its step merge did"):
        merge(trimmed(tmp_path / "1", tmp_path / "2"), 2, tmp_path, "pairs", whole=False)


def test_a_long_read_loses_the_other_primer_too() -> None:
    """Short amplicons would end in the reverse primer, and no two samples would agree."""
    (_, words) = adapters("-g", BOTH.forward, BOTH.reverse)
    far = "ATTAGAWACCCBNGTAGTCC;min_overlap=18;optional"  # 806R as a read shows it that goes on through it
    assert words == f"GTGYCAGCMGCCGCGGTAA;min_overlap=17;required...{far}"


def test_where_one_primer_is_known_its_mate_needs_none(tmp_path: Path) -> None:
    """Every pair would be dropped for want of the other primer."""
    files = tmp_path / "1", tmp_path / "2"
    for primers, which in ((BOTH, "any"), (Primers(forward=BOTH.forward), "both")):
        command = list(cutadapt(primers, files, (), tmp_path / "told", 2).command)
        assert command[command.index("--pair-filter") + 1] == which


def test_fragments_that_lie_the_other_way_round_are_turned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each variant would be counted twice, once in each direction, or half of the reads be lost."""
    pretend(monkeypatch, tmp_path, "cutadapt", CUTADAPT)
    for mate in (1, 2):
        (tmp_path / f"s_R{mate}.fastq").write_text("@r\nACGT\n+\nIIII\n")
    work = tmp_path / "work"
    work.mkdir()
    mixed = Primers(forward=BOTH.forward, reverse=BOTH.reverse, mixed=True)
    found = trim(find_reads(tmp_path), mixed, 1, work)
    assert found.left == 100
    # Of the others, the second mates carry 515F (GTGY…): they go behind the first mates.
    assert [path.read_text() for path in found.files] == ["GTGY<> GTGY<u2> ", "GGAC<> GGAC<u1> "]


def test_reads_are_counted_by_what_a_sequence_stands_for() -> None:
    """Abundances would be of different sequences, not of reads."""
    assert count(["u1;size=40\ta1;size=9", "u2;size=2\ta1", "u3;size=1\tb2"]) == {"a1": 42, "b2": 1}


def test_a_chimera_is_no_variant_and_its_reads_are_nobodys() -> None:
    """Their parents would be too abundant by them."""
    found = variants({"b2": "CC", "a1": "AA", "x9": "AC"}, {"a1", "b2"}, {"b2": 5, "a1": 5, "x9": 3}, 8)
    assert [(variant.name, variant.reads) for variant in found.found] == [("a1", 5), ("b2", 5)]
    assert (found.chimeras, found.chimeric_reads, found.reads) == (1, 3, 10)


def test_sequences_that_never_repeat_are_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Reads full of errors would end in a traceback."""
    pretend(monkeypatch, tmp_path, "vsearch", "open(words[words.index('--centroids') + 1], 'w')")
    uniques = Uniques(file=tmp_path / "u", merged=None, forward_only=False, filtered=900, different=899)
    with pytest.raises(BadInput, match=r"of 900 sequences, 899 are different and none occurs 4 times"):
        denoise(uniques, 1, tmp_path)


def test_annotations_are_no_part_of_a_name() -> None:
    """No count would find its variant."""
    assert list(read_fasta([">a1;size=3", "acgt", ">b2", "GG"])) == [("a1", "ACGT"), ("b2", "GG")]


def test_a_name_goes_only_as_deep_as_it_is_sure() -> None:
    """A genus of 79% would be read as found."""
    found = lineages(SINTAX.splitlines())
    assert [name.name for name in found["b2"]] == ["Bacteria", "Firmicutes", "Lachnospiraceae"]
    assert lineage_text(found["a1"]) == "d__Bacteria; p__Bacteroidetes; f__Bacteroidaceae; g__Bacteroides"
    assert lineage_text(found["c3"]) == "Unassigned"


def test_an_unsure_rank_hides_all_below_it() -> None:
    """A genus without its family cannot be right."""
    found = lineages(["a\td:Bacteria(1.00),f:Unsure(0.50),g:Sure(0.99)\t+"])
    assert [name.name for name in found["a"]] == ["Bacteria"]


def test_names_may_have_brackets() -> None:
    """One odd name in a reference would hide all others of its variant."""
    found = lineages(["a\td:Bacteria(1.00),g:Bacillus_(a)(0.90),s:x_(T)_2(0.85)\t+"])
    assert [name.name for name in found["a"]] == ["Bacteria", "Bacillus_(a)", "x_(T)_2"]


def test_a_packed_reference_is_unpacked_for_vsearch(tmp_path: Path) -> None:
    """Debian's vsearch would end at once."""
    packed, work = tmp_path / "16s.fasta.gz", tmp_path / "work"
    work.mkdir()
    packed.write_bytes(gzip.compress(b">a;tax=d:B;\nACGT\n"))
    assert unpacked(packed, work).read_bytes() == b">a;tax=d:B;\nACGT\n"
    assert unpacked(tmp_path / "silva.udb", work) == tmp_path / "silva.udb"


@pytest.mark.parametrize(
    ("out", "err", "version"),
    [
        (
            "doi: 10.7717/peerj.2584\nzlib version 1.2.13",
            "vsearch v2.22.1_linux_x86_64, 23.5GB RAM",
            "2.22.1",
        ),
        ("samtools 1.16.1\nUsing htslib 1.16", "", "1.16.1"),
        ("2.24-r1122", "", "2.24-r1122"),
        ("", "fastp 0.23.2", "0.23.2"),
        ("doi: 10.7717/peerj.2584", "", "unknown"),
    ],
)
def test_a_tools_version_is_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, out: str, err: str, version: str
) -> None:
    """A result could not be made again: the manifest would name an article, or a library."""
    pretend(monkeypatch, tmp_path, "tool", f"print({out!r}), print({err!r}, file=sys.stderr)")
    assert versions({"tool": ("tool", "--version")}) == {"tool": version}

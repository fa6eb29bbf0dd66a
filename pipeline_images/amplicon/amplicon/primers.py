"""Which primers the reads still carry.

Primers are told by how the first reads begin. A read begins with a primer exactly (a synthetic sequence
that few sequencing errors hit), behind at most a spacer or a barcode. Forward and reverse primers are
looked for by themselves, so that every combination of well-known ones is found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

FOUND = 0.4  # of the fragments begin with a primer: it was not cut off yet
REACHED = 0.05  # of single reads go on to the other primer: it has to be cut off where it is
MIXED = 0.1  # of the fragments are the other way round: ligated libraries have half of them like this
LONGEST_BARCODE = 40  # bases before a primer: barcode and spacer

_LETTERS = {
    **{letter: letter for letter in "ACGT"},
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
    "N": "ACGTN",
}
_COMPLEMENT = bytes.maketrans(b"ACGTURYSWKMBDHVNacgtu", b"TGCAAYRSWMKVHDBNtgcaa")


@dataclass(frozen=True, kw_only=True)
class Primer:
    """Where variants differ in one base only, the letter stands for all of them."""

    name: str
    sequence: str  # 5' → 3', IUPAC letters
    gene: str

    @property
    def end(self) -> str:
        """How a read looks that goes on through the primer from the other side."""
        return reverse_complement(self.sequence.encode()).decode()


FORWARD = (
    Primer(name="27F", sequence="AGRGTTYGATYMTGGCTCAG", gene="16S"),
    Primer(name="341F", sequence="CCTACGGGNGGCWGCAG", gene="16S"),
    Primer(name="515F", sequence="GTGYCAGCMGCCGCGGTAA", gene="16S"),
    Primer(name="799F", sequence="AACMGGATTAGATACCCKG", gene="16S"),
    Primer(name="TAReuk454FWD1", sequence="CCAGCASCYGCGGTAATTCC", gene="18S"),
    Primer(name="1391F", sequence="GTACACACCGCCCGTC", gene="18S"),
    Primer(name="ITS1F", sequence="CTTGGTCATTTAGAGGAAGTAA", gene="ITS"),
    Primer(name="ITS1", sequence="TCCGTAGGTGAACCTGCGG", gene="ITS"),
    Primer(name="ITS3", sequence="GCATCGATGAAGAACGCAGC", gene="ITS"),
    Primer(name="fITS7", sequence="GTGARTCATCGARTCTTTG", gene="ITS"),
)
REVERSE = (
    Primer(name="338R", sequence="TGCTGCCTCCCGTAGGAGT", gene="16S"),
    Primer(name="519R", sequence="GWATTACCGCGGCKGCTG", gene="16S"),
    Primer(name="785R", sequence="GACTACHVGGGTATCTAATCC", gene="16S"),
    Primer(name="806R", sequence="GGACTACNVGGGTWTCTAAT", gene="16S"),
    Primer(name="926R", sequence="CCGYCAATTYMTTTRAGTTT", gene="16S"),
    Primer(name="1193R", sequence="ACGTCATCCCCACCTTCC", gene="16S"),
    Primer(name="1492R", sequence="RGYTACCTTGTTACGACTT", gene="16S"),
    Primer(name="TAReukREV3", sequence="ACTTTCGTTCTTGATYRA", gene="18S"),
    Primer(name="EukBr", sequence="TGATCCTTCTGCAGGTTCACCTAC", gene="18S"),
    Primer(name="ITS2", sequence="GCTGCGTTCTTCATCGATGC", gene="ITS"),
    Primer(name="ITS4", sequence="TCCTCCGCTTATTGATATGC", gene="ITS"),
)
REGIONS = {
    ("27F", "338R"): "16S V1–V2",
    ("27F", "519R"): "16S V1–V3",
    ("27F", "1492R"): "16S, whole gene",
    ("341F", "519R"): "16S V3",
    ("341F", "785R"): "16S V3–V4",
    ("341F", "806R"): "16S V3–V4",
    ("515F", "785R"): "16S V4",
    ("515F", "806R"): "16S V4",
    ("515F", "926R"): "16S V4–V5",
    ("799F", "1193R"): "16S V5–V7",
    ("TAReuk454FWD1", "TAReukREV3"): "18S V4",
    ("1391F", "EukBr"): "18S V9",
    ("ITS1F", "ITS2"): "ITS1",
    ("ITS1", "ITS2"): "ITS1",
    ("ITS3", "ITS4"): "ITS2",
    ("fITS7", "ITS4"): "ITS2",
}

Mates = tuple[bytes, bytes]  # of a single read, the second is its reverse complement


@dataclass(frozen=True, kw_only=True)
class Primers:
    """What was found. Without any, the reads are used as they are."""

    forward: Primer | None = None
    reverse: Primer | None = None
    mixed: bool = False  # some fragments begin with the reverse primer
    whole: bool = False  # single reads go from one primer to the other: each has to have both

    @property
    def any(self) -> bool:
        return self.forward is not None or self.reverse is not None

    @property
    def told(self) -> str:
        """As people write them: 515F/806R (16S V4)."""
        if not self.any:
            return "none"
        names = "/".join(primer.name if primer else "?" for primer in (self.forward, self.reverse))
        return f"{names} ({self.region})"

    @property
    def region(self) -> str:
        found = [primer for primer in (self.forward, self.reverse) if primer]
        known = REGIONS.get((found[0].name, found[1].name)) if len(found) == 2 else None
        return known or " and ".join(sorted({primer.gene for primer in found})) or "unknown"


def detect(fragments: Sequence[Mates], *, paired: bool) -> Primers:
    """From the first fragments of a sample."""
    forward, _ = _best(FORWARD, fragments, 0, FOUND)
    reverse, reached = _best(REVERSE, fragments, 1, FOUND if paired or not forward else REACHED)
    if forward is None and reverse is not None and not paired:
        return Primers()  # reads of one direction only, from the far side: too unusual to guess
    other_way = max(
        (_begins(primer, fragments, at)[0] for primer, at in ((forward, 1), (reverse, 0)) if primer),
        default=0.0,
    )
    return Primers(
        forward=forward,
        reverse=reverse,
        mixed=other_way >= MIXED,
        whole=not paired and forward is not None and reached >= FOUND,
    )


def reverse_complement(sequence: bytes) -> bytes:
    return sequence.translate(_COMPLEMENT)[::-1]


def _best(
    primers: Sequence[Primer], fragments: Sequence[Mates], at: int, least: float
) -> tuple[Primer | None, float]:
    """The primer that most fragments begin with; of two at nearly the same place, the one further out."""
    found: list[tuple[float, float, Primer]] = []
    for primer in primers:
        upright, before = _begins(primer, fragments, at)
        flipped, _ = _begins(primer, fragments, 1 - at)
        share = upright + flipped
        if share >= least:
            found.append((-round(share, 1), before, primer))
    if not found:
        return None, 0.0
    share, _, primer = min(found, key=lambda item: item[:2])
    return primer, -share


def _begins(primer: Primer, fragments: Sequence[Mates], at: int) -> tuple[float, float]:
    """The share of fragments whose mate `at` begins with the primer, and the bases before it (mean)."""
    pattern = re.compile("".join(f"[{_LETTERS[letter]}]" for letter in primer.sequence).encode())
    end = LONGEST_BARCODE + len(primer.sequence)
    matches = [match for mates in fragments if (match := pattern.search(mates[at][:end]))]
    if not matches:
        return 0.0, 0.0
    return len(matches) / len(fragments), sum(match.start() for match in matches) / len(matches)

"""Who is in the mock community: for each species one strain that is sequenced, and others in the database."""

from dataclasses import dataclass

RAGOUT = "usr/share/doc/ragout/examples"
KLEBORATE = "usr/share/doc/kleborate/examples/data"
BOWTIE = "usr/share/doc/bowtie/examples/genomes"
HUMAN_FASTA = "usr/share/doc/smalt/test/data/hs37chrXtrunc.fa.gz"  # 70 Mb of chromosome X
# A part of it is enough to show host removal, and keeps its index small.
HUMAN_FROM, HUMAN_TO = 10_000_000, 25_000_000
HUMAN, UNKNOWN = "human", "unknown"
HUMAN_TAXID, UNKNOWN_TAXID = 9606, 0
UNKNOWN_LENGTH = 3_000_000

RANKS = ("domain", "phylum", "class", "order", "family", "genus", "species")
_BACTERIA = (2, "Bacteria")
_PSEUDOMONADOTA = (1224, "Pseudomonadota")
_GAMMA = (1236, "Gammaproteobacteria")
_ENTEROBACTERIACEAE = (
    _BACTERIA,
    _PSEUDOMONADOTA,
    _GAMMA,
    (91347, "Enterobacterales"),
    (543, "Enterobacteriaceae"),
)


@dataclass(frozen=True, kw_only=True)
class Species:
    """`lineage`: (taxid, name) from the domain to the species. Paths are below the unpacked packages."""

    lineage: tuple[tuple[int, str], ...]
    read_share: float  # of the reads that stem from known microbes
    strain: str
    sequenced: str
    database: tuple[str, ...]

    @property
    def taxid(self) -> int:
        return self.lineage[-1][0]

    @property
    def name(self) -> str:
        return self.lineage[-1][1]


COMMUNITY = (
    Species(
        lineage=(*_ENTEROBACTERIACEAE, (561, "Escherichia"), (562, "Escherichia coli")),
        read_share=0.40,
        strain="E.coli_MG1655",
        sequenced=f"{RAGOUT}/E.Coli/references/MG1655-K12.fasta.gz",
        database=(f"{RAGOUT}/E.Coli/references/DH1.fasta.gz", f"{BOWTIE}/NC_008253.fna.gz"),
    ),
    Species(
        lineage=(*_ENTEROBACTERIACEAE, (570, "Klebsiella"), (573, "Klebsiella pneumoniae")),
        read_share=0.25,
        strain="K.pneumoniae_MGH78578",
        sequenced=f"{KLEBORATE}/MGH78578.fna.xz",
        database=(f"{KLEBORATE}/NTUH-K2044.fna.xz", f"{KLEBORATE}/Klebs_HS11286.fna.xz"),
    ),
    Species(
        lineage=(
            _BACTERIA,
            (1239, "Bacillota"),
            (91061, "Bacilli"),
            (1385, "Bacillales"),
            (90964, "Staphylococcaceae"),
            (1279, "Staphylococcus"),
            (1280, "Staphylococcus aureus"),
        ),
        read_share=0.20,
        strain="S.aureus_USA300",
        sequenced=f"{RAGOUT}/S.Aureus/references/USA300_FPR3757.fasta.gz",
        database=(
            f"{RAGOUT}/S.Aureus/references/N315.fasta.gz",
            f"{RAGOUT}/S.Aureus/references/RF122.fasta.gz",
        ),
    ),
    Species(
        lineage=(
            _BACTERIA,
            _PSEUDOMONADOTA,
            _GAMMA,
            (135623, "Vibrionales"),
            (641, "Vibrionaceae"),
            (662, "Vibrio"),
            (666, "Vibrio cholerae"),
        ),
        read_share=0.10,
        strain="V.cholerae_O1_Inaba",
        sequenced=f"{RAGOUT}/V.Cholerae/references/O1_Inaba.fasta.gz",
        database=(f"{RAGOUT}/V.Cholerae/references/O395.fasta.gz",),
    ),
    Species(
        lineage=(
            _BACTERIA,
            (29547, "Campylobacterota"),
            (3031852, "Epsilonproteobacteria"),
            (213849, "Campylobacterales"),
            (72293, "Helicobacteraceae"),
            (209, "Helicobacter"),
            (210, "Helicobacter pylori"),
        ),
        read_share=0.05,
        strain="H.pylori_G27",
        sequenced=f"{RAGOUT}/H.Pylori/references/G27.fasta.gz",
        database=(
            f"{RAGOUT}/H.Pylori/references/Puno120.fasta.gz",
            f"{RAGOUT}/H.Pylori/references/ELS37.fasta.gz",
        ),
    ),
)

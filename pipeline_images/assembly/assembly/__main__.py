"""The pipeline's command: `run INPUT OUTPUT`.

Reads are only read, and so is what the run before left in $AFTER; results go to OUTPUT, everything else below
$SCRATCH.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from programs.command import command, say
from sequencing.reads import find_reads

from assembly.assembling import assemble
from assembly.binning import put_in_bins
from assembly.clean_reads import clean_reads
from assembly.contigs import write_fasta
from assembly.coverage import cover
from assembly.genes import find_genes
from assembly.report import report
from assembly.settings import Settings, settings_from
from assembly.summary import bin_table, contig_table, summarise
from assembly.tools import tool_versions


def run(source: Path, output: Path, settings: Settings) -> None:
    """Every step, in order. Raises `BadInput` or `Failed`."""
    reads = find_reads(source)
    say(f"reads: {', '.join(reads.names)}")
    with tempfile.TemporaryDirectory(prefix="assembly-", dir=settings.scratch) as room:
        work = Path(room)
        clean = clean_reads(reads, settings.kept, work / "reads.fastq")
        say(f"to assemble: {clean.fragments:,} of {clean.uploaded:,} {reads.unit}")
        contigs = assemble(reads, clean, settings, work)
        say(f"assembled: {len(contigs):,} contigs")
        plain = work / "contigs.fasta"
        write_fasta(contigs, plain)
        coverage = cover(plain, clean.file, settings, work)
        say(f"coverage: {coverage.mapped:,} of {coverage.reads:,} reads map")
        clean.file.unlink()
        bins = put_in_bins(plain, coverage.depths, coverage.mean, settings, work)
        say(f"bins: {len(bins):,}")
        output.mkdir(parents=True, exist_ok=True)
        genes = find_genes(contigs, settings, work, output / "genes.gff.gz", output / "proteins.faa.gz")
        say(f"genes: {sum(genes.values()):,}")
    summary = summarise(reads, clean, contigs, coverage, bins, genes, cleaned=settings.kept is not None)
    write_fasta(contigs, output / "contigs.fasta.gz")
    if bins:
        (output / "bins").mkdir(exist_ok=True)
    for each in bins:
        write_fasta(each.contigs, output / "bins" / f"{each.name}.fasta.gz")
    (output / "contigs.tsv").write_text(contig_table(contigs, coverage.mean, bins, genes))
    (output / "bins.tsv").write_text(bin_table(bins, summary.bin_genes))
    (output / "summary.json").write_text(json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n")
    tools = tool_versions()
    if settings.meta is not None:
        (settings.meta / "tools.json").write_text(json.dumps(tools))
    (output / "report.html").write_text(report(summary, tools))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    return command(lambda source, output: run(source, output, settings_from(environ)), arguments)

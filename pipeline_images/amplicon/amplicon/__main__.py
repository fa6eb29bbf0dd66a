"""The pipeline's command: `run INPUT OUTPUT`.

Reads and the reference are only read; results go to OUTPUT, everything else below $SCRATCH.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from programs.command import command, say
from reporting.diversity import diversity_text
from sequencing.reads import find_reads

from amplicon.abundance import fasta_text, rank_text, variant_text
from amplicon.beginnings import first_fragments, refuse_shotgun, typical_length
from amplicon.biom import biom, biom_text
from amplicon.denoising import denoise
from amplicon.merging import merge
from amplicon.primers import detect
from amplicon.report import report
from amplicon.settings import Settings, settings_from
from amplicon.summary import Summary, summarise
from amplicon.taxonomy import classify
from amplicon.tools import tool_versions
from amplicon.trimming import trim

LONGEST_CYCLES = 310  # bases: Illumina's reads end by then, so longer ones end where the molecule did
PROMISED_RANK = "genus"  # in pipeline.yaml: its table is there even when there is nothing to tell


def run(source: Path, output: Path, settings: Settings) -> None:
    """Every step, in order. Raises `BadInput` or `Failed`."""
    reads = find_reads(source)
    say(f"reads: {', '.join(reads.names)}")
    beginnings = first_fragments(reads)
    primers = detect(beginnings, paired=reads.paired)
    say(f"primers: {primers.told}")
    if not primers.any:
        refuse_shotgun(beginnings, reads.unit)
    with tempfile.TemporaryDirectory(prefix="amplicon-", dir=settings.scratch) as room:
        work = Path(room)
        trimmed = trim(reads, primers, settings.threads, work)
        say(f"trimming: {trimmed.left:,} of {trimmed.fed.fragments:,} {reads.unit} are left")
        whole = primers.whole or typical_length(beginnings) > LONGEST_CYCLES
        uniques = merge(trimmed, settings.threads, work, reads.unit, whole=whole)
        say(f"merging and filtering: {uniques.filtered:,} sequences, {uniques.different:,} of them different")
        variants = denoise(uniques, settings.threads, work)
        say(f"variants: {len(variants.found):,}, and {variants.chimeras:,} chimeras")
        names = classify(variants.found, settings.taxonomy, work)
    summary = summarise(reads.unit, reads.names, primers, trimmed, uniques, variants, names)
    tools = tool_versions()
    if settings.meta is not None:
        (settings.meta / "tools.json").write_text(json.dumps(tools))
    write(summary, tools, settings.sample, output)


def write(summary: Summary, tools: Mapping[str, str], sample: str, output: Path) -> None:
    """The results."""
    (output / "abundance").mkdir(parents=True, exist_ok=True)
    found, names = summary.variants.found, summary.names
    (output / "asv_table.tsv").write_text(variant_text(found, names))
    (output / "asvs.fasta").write_text(fasta_text(found))
    table = biom(found, names, sample, f"with vsearch {tools.get('vsearch', '')}", datetime.now(UTC))
    (output / "asv_table.biom").write_text(biom_text(table))
    for rank, rows in {PROMISED_RANK: [], **summary.tables}.items():
        (output / "abundance" / f"{rank}.tsv").write_text(rank_text(rank, rows))
    (output / "diversity.tsv").write_text(diversity_text(summary.diversity))
    (output / "summary.json").write_text(json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n")
    (output / "report.html").write_text(report(summary, tools))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    return command(lambda source, output: run(source, output, settings_from(environ)), arguments)

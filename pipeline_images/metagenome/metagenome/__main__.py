"""The pipeline's command: `run INPUT OUTPUT`.

Reads and references are only read; results go to OUTPUT, everything else below $SCRATCH.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from programs.command import command, say
from programs.outcome import BadInput
from reporting.diversity import diversity_text
from sequencing.kept import KEPT, write_kept
from sequencing.reads import find_reads

from metagenome.abundance import diversity, table_text, tables
from metagenome.agreement import agreement_of, agreement_text
from metagenome.amplicons import refuse_amplicons
from metagenome.biom import biom
from metagenome.classification import classifier
from metagenome.clean_reads import passing
from metagenome.cleaning import clean, removes_host
from metagenome.first_reads import first_reads
from metagenome.kraken_report import database_ranks, read_report
from metagenome.krona import krona
from metagenome.read_kind import kind_of
from metagenome.report import report
from metagenome.settings import Settings, settings_from
from metagenome.summary import summarise
from metagenome.sylph import read_found
from metagenome.tools import tool_versions


def run(source: Path, output: Path, settings: Settings) -> None:
    """Every step, in order. Raises `BadInput` or `Failed`."""
    reads = find_reads(source)
    first = first_reads(reads)
    kind = kind_of(reads, first)
    refuse_amplicons(first, kind)
    say(f"{kind.value} reads: {', '.join(reads.names)}")
    for folder in ("abundance", "kraken2", "qc"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    kraken_report = output / "kraken2" / "report.txt"
    with tempfile.TemporaryDirectory(prefix="metagenome-", dir=settings.scratch) as room:
        work = Path(room)
        notes, sylphs = work / "notes", work / "sylph.tsv"
        then = [
            passing(settings, notes, sylphs, paired=reads.paired),
            classifier(settings, paired=reads.paired, report=kraken_report),
        ]
        cleaned = clean(reads, kind, settings, work, output / "qc" / "fastp.json", then)
        say(f"filtering: {cleaned.filtered:,} of {cleaned.fed.fragments:,} {reads.unit} are left")
        classification = read_report(kraken_report.read_text(), database_ranks(settings.kraken2))
        if not classification.fragments:
            raise BadInput(
                f"no microbial read is left: all {cleaned.filtered:,} {reads.unit} that passed the filter "
                "are the host's; deplete host DNA in the laboratory or sequence deeper, and upload those "
                "reads"
            )
        write_kept(reads, cleaned.fed.fragments + cleaned.fed.without_bases, notes, output / KEPT)
        second = read_found(sylphs.read_text()) if settings.sylph is not None else None
        krona(classification, work, output / "krona.html")
    say(f"classification: {classification.classified:,} of {classification.fragments:,} {reads.unit}")
    found = tables(classification)
    indices = [diversity(rank, rows) for rank, rows in found.items()]
    for rank, rows in found.items():
        (output / "abundance" / f"{rank}.tsv").write_text(table_text(rows))
    if "species" not in found:  # promised by pipeline.yaml, so there even when there is nothing to tell
        (output / "abundance" / "species.tsv").write_text(table_text([]))
    (output / "diversity.tsv").write_text(diversity_text(indices))
    agreement = None if second is None else agreement_of(found.get("species", []), second)
    if agreement is not None:
        (output / "abundance" / "second_opinion.tsv").write_text(agreement_text(agreement))
    summary = summarise(
        reads,
        kind,
        cleaned,
        classification,
        found,
        indices,
        agreement,
        host_removal=removes_host(settings, kind),
    )
    (output / "summary.json").write_text(json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n")
    tools = tool_versions()
    made_by = f"with Kraken 2 {tools.get('kraken2', '')}"
    table = biom(classification, found.get("species", []), settings.sample, made_by, datetime.now(UTC))
    (output / "abundance" / "species.biom").write_text(json.dumps(table, ensure_ascii=False) + "\n")
    if settings.meta is not None:
        (settings.meta / "tools.json").write_text(json.dumps(tools))
    (output / "report.html").write_text(report(summary, tools))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    return command(lambda source, output: run(source, output, settings_from(environ)), arguments, environ)

"""The pipeline's command: `run INPUT OUTPUT`. INPUT is only read; results go to OUTPUT."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from programs.allowance import allowance_from
from programs.command import command, say

from cohort.report import report
from cohort.samples import join
from cohort.summary import summarise, tables


def run(source: Path, output: Path, meta: Path | None) -> None:
    """Every step, in order. Raises `BadInput` or `Failed`."""
    joined = join(source)
    say(f"samples: {len(joined.samples):,}, compared by {len(joined.taxa):,} {joined.rank} names")
    summary = summarise(joined)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in tables(summary).items():
        (output / name).write_text(text)
    (output / "summary.json").write_text(json.dumps(summary.as_json(), indent=2, ensure_ascii=False) + "\n")
    tools = {"numpy": np.__version__}
    if meta is not None:
        (meta / "tools.json").write_text(json.dumps(tools))
    (output / "report.html").write_text(report(summary, tools))


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    return command(lambda source, output: run(source, output, allowance_from(environ).meta), arguments)

"""What a benchmark found: a table for people, JSON for comparison over time."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value, in the words and the unit of the table."""

    name: str
    value: float | int
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Several ways to do the same thing, one a row: its name, then a value for each column."""

    title: str
    columns: list[str]
    rows: dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """`title` says what was measured under which load; `detail` is for the JSON alone.

    `faults` are claims that did not hold: the command then ends with 1.
    """

    title: str
    figures: list[Figure] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def show(report: Report, console: Console) -> None:
    if report.figures:
        console.print(_figures(report))
    else:
        console.print(report.title)
    for comparison in report.comparisons:
        console.print(_comparison(comparison))
    for fault in report.faults:
        console.print(f"[red]{fault}")


def _figures(report: Report) -> Table:
    table = Table(title=report.title, title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for figure in report.figures:
        value = f"{figure.value:,}" if isinstance(figure.value, int) else f"{figure.value:,.2f}"
        table.add_row(figure.name, value, figure.unit)
    return table


def _comparison(comparison: Comparison) -> Table:
    table = Table("", title=comparison.title, title_justify="left")
    for column in comparison.columns:
        table.add_column(column, justify="right")
    for name, values in comparison.rows.items():
        table.add_row(name, *(f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in values))
    return table


def keep(name: str, report: Report) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps({"name": name, **machine(), **asdict(report)}, indent=1) + "\n")
    return path


def machine() -> dict[str, Any]:
    """What a figure depends on besides the code."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit or None,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages * size / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }

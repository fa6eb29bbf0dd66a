"""The versions that stand in the manifest and in the report."""

import subprocess

import pytest
from assembly.tools import tool_versions

TOLD = {
    "megahit": ("MEGAHIT v1.2.9\n", ""),
    "minimap2": ("2.24-r1122\n", ""),
    "samtools": ("samtools 1.16.1\nUsing htslib 1.16\n", ""),
    "dpkg-query": ("2.15-4", ""),
    "prodigal": ("", "\nProdigal V2.6.3: February, 2016\n\n"),
}


def test_each_tool_s_own_words_give_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result whose tools are unknown, or told wrongly, cannot be made again."""

    def run(command: tuple[str, ...], **_: object) -> subprocess.CompletedProcess[str]:
        out, err = TOLD[command[0]]
        return subprocess.CompletedProcess(command, 0, out, err)

    monkeypatch.setattr(subprocess, "run", run)
    assert tool_versions() == {
        "megahit": "1.2.9",
        "minimap2": "2.24-r1122",
        "samtools": "1.16.1",
        "metabat2": "2.15-4",
        "prodigal": "2.6.3",
    }

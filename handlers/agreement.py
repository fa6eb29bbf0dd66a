"""Agreements: which results of an office go to which partner, as the office file says and functions read it.

The office file's names reach the functions as one compact text (`agreements_to_json`), since all of a
function's environment together has 4 KB.
"""

import fnmatch
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.keys import Sample

# What a delivery may name by a word: the ends of files' names.
WORDS: dict[str, tuple[str, ...]] = {
    "report": ("report.html",),
    "tables": (".tsv", ".csv", ".biom"),
    "reads": (".fastq", ".fastq.gz", ".fq", ".fq.gz", ".bam", ".cram", ".sam"),
}
DEFAULT_NAMES = ("report", "tables")
READS = "reads"
_READS_FOLDER = "reads/"
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What a partner gets of a project's runs, and where. `account` owns `bucket`.

    `links`: the partner has no bucket. The results stay where they are, `bucket` and `prefix` are a folder of
    the office's own results, and people send time-limited links (`fleet links`). `key` is the KMS key to
    encrypt under ("": what the bucket does by itself). `names` are words (`WORDS`), paths or globs.
    `receipt`: "object" is the partner's received.json, "heads" every object's verified head.
    """

    partner: str
    account: str
    bucket: str
    key: str
    prefix: str  # "" or ending in a slash
    pipeline: str
    project: str
    names: tuple[str, ...] = DEFAULT_NAMES
    receipt: str = "object"
    receipt_within_s: int = 7 * DAY_S
    links: bool = False

    def covers(self, sample: Sample) -> bool:
        return (sample.pipeline, sample.project) == (self.pipeline, self.project)


def means(name: str, path: str) -> bool:
    """Whether a delivery's name means this result. Reads are meant only by what names reads itself."""
    if name in WORDS:
        found = path.endswith(WORDS[name]) or (name == READS and path.startswith(_READS_FOLDER))
    else:
        found = fnmatch.fnmatchcase(path, name)
    return found and (not _reads(path) or _reads(name) or name == READS)


def _reads(path: str) -> bool:
    """Of a path: whether these are reads. Of a glob: whether it says so."""
    return path.endswith(WORDS[READS]) or path.startswith(_READS_FOLDER)


def agreements_to_json(agreements: Iterable[Agreement]) -> str:
    """The text of an environment variable: each partner once, then what goes to it."""
    partners: dict[str, list[Any]] = {}
    rows: list[list[Any]] = []
    for each in agreements:
        partners[each.partner] = [each.account, each.bucket, each.prefix, each.key, int(each.links)]
        days = each.receipt_within_s // DAY_S
        rows.append([each.partner, each.pipeline, each.project, list(each.names), each.receipt, days])
    told = {"p": partners, "d": rows}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False) if rows else ""


def agreements_from_json(text: str) -> Sequence[Agreement]:
    """The agreements of an environment variable; none of an empty one."""
    if not text:
        return ()
    told = json.loads(text)
    return tuple(
        Agreement(
            partner=partner,
            account=told["p"][partner][0],
            bucket=told["p"][partner][1],
            prefix=told["p"][partner][2],
            key=told["p"][partner][3],
            links=bool(told["p"][partner][4]),
            pipeline=pipeline,
            project=project,
            names=tuple(names),
            receipt=receipt,
            receipt_within_s=days * DAY_S,
        )
        for partner, pipeline, project, names, receipt, days in told["d"]
    )

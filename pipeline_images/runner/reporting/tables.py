"""Tables as tab-separated text."""

import csv
import io
from collections.abc import Sequence


def tsv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue()

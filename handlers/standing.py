"""How the office stands, for its dashboard and alarms: how many runs wait, run and are held, and since when
the oldest upload has had no result.

Read from the index of open runs alone, before anything is mended: when very many wait, this must not be what
is left out.
"""

from collections import Counter
from datetime import datetime

from handlers.context import Context
from handlers.items import query, untyped
from handlers.ledger import OPEN, OPEN_INDEX
from handlers.run import RUNNING, TERMINAL


def look(context: Context) -> None:
    """Note the office's figures of this moment."""
    counts: Counter[str] = Counter()
    oldest = None
    for item in map(
        untyped, query(context, OPEN_INDEX, "#open = :open", {":open": OPEN}, names={"#open": "open"})
    ):
        if item["state"] in TERMINAL:
            continue  # only its end is still to be told
        if item.get("held"):
            counts["OpenHeld"] += 1
            continue  # it waits for a person: not what its age is watched for
        counts["OpenRunning" if item["state"] == RUNNING else "OpenWaiting"] += 1
        uploaded = str(item["uploaded"])
        oldest = uploaded if oldest is None else min(oldest, uploaded)
    waiting, running = counts["OpenWaiting"], counts["OpenRunning"]
    age = context.clock() - datetime.fromisoformat(oldest).timestamp() if oldest else 0.0
    context.seen.update(
        {
            "OpenWaiting": waiting,
            "OpenRunning": running,
            "OpenHeld": counts["OpenHeld"],
            "Standstill": int(waiting > 0 and running == 0),
            "OldestUploadSeconds": max(0, round(age)),
        }
    )

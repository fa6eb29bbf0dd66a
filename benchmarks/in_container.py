"""Runs a command inside a container and tells what it took: `benchmarks.in_container FOLDER COMMAND…`.

Seconds, memory and processor time are those of `process_tree`; `disk_bytes` is the most that lay below FOLDER
at one moment. Needs nothing but Python, so that it runs in any image; the last line it prints is JSON.
"""

import json
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from benchmarks import process_tree

SAMPLE_S = 0.2


def disk_bytes(folder: Path) -> int:
    """What the files below a folder take on the disk."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it was removed meanwhile
                total += Path(here, name).lstat().st_blocks * 512
    return total


def main(folder: Path, command: list[str]) -> int:
    ended, most = threading.Event(), [0]

    def watch() -> None:
        while not ended.wait(SAMPLE_S):
            most[0] = max(most[0], disk_bytes(folder))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with tempfile.TemporaryDirectory() as room:
        taken = process_tree.run(command, os.environ, Path(room))
    ended.set()
    watcher.join()
    told = {"wall_s": taken.wall_s, "cpu_s": taken.cpu_s}
    told |= {"rss_mib": taken.rss_mib, "anonymous_mib": taken.anonymous_mib}
    print(taken.errors, file=sys.stderr)
    print(json.dumps(told | {"disk_bytes": max(most[0], disk_bytes(folder))}))
    return taken.code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

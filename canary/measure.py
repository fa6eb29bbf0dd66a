"""Inside the container: runs the image's own analysis, and writes what it took as JSON.

python3 measure.py INPUT OUTPUT TAKEN. Standard library only, and nothing of the image: two releases are
measured by the same code. Memory is what no file backs, over all processes: a mapped database costs a job
nothing.
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

EVERY_S = 0.1


def anonymous_kib(proc: Path = Path("/proc")) -> int:
    """Of every process of the container."""
    total = 0
    for status in proc.glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:  # it ended meanwhile
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return total


def main(source: str, output: str, taken: str) -> int:
    ended, peak = threading.Event(), [0]

    def watch() -> None:
        while not ended.wait(EVERY_S):
            peak[0] = max(peak[0], anonymous_kib())

    watcher = threading.Thread(target=watch)
    began = time.monotonic()
    watcher.start()
    code = subprocess.run([sys.executable, "-m", "runner", source, output], check=False).returncode
    seconds = time.monotonic() - began
    ended.set()
    watcher.join()
    Path(taken).write_text(json.dumps({"seconds": round(seconds, 2), "memory_mib": peak[0] >> 10}))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

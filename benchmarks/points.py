"""Measured points: what the metagenome image's own tools take for one mock community after another.

`python -m benchmarks.points --pairs 20000,100000 --seeds 1,2,3` adds to `measured/metagenome.json`, where the
benchmark of right-sizing finds them. One size and seed is one point; `load` is how busy the machine was.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from benchmarks.metagenome import IMAGE, THREADS, Bench
from benchmarks.report import FOLDER
from pipeline_images import containers

KEPT = Path(__file__).with_name("measured") / "metagenome.json"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.points", description=__doc__)
    parser.add_argument("--pairs", required=True, help="sizes, such as 20000,100000")
    parser.add_argument("--seeds", default="1", help="of the communities, such as 1,2,3")
    parser.add_argument("--out", type=Path, default=KEPT)
    given = parser.parse_args(arguments)
    docker, console = containers.engine(), Console()
    if not docker.has(IMAGE):
        print(f"{IMAGE} is missing: make images", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    given.out.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="points-") as name:
        bench = Bench(docker=docker, folder=Path(name), console=console)
        for pairs in map(int, given.pairs.split(",")):
            for seed in map(int, given.seeds.split(",")):
                load = round(os.getloadavg()[0], 1)
                taken, size = bench.scaled(pairs, seed=seed)
                _keep(
                    given.out,
                    {
                        "pairs": pairs,
                        "seed": seed,
                        "input_bytes": size,
                        "wall_s": round(taken.wall_s, 2),
                        "cpu_s": round(taken.cpu_s, 2),
                        "rss_mib": round(taken.rss_mib),
                        "anonymous_mib": round(taken.anonymous_mib),
                        "disk_bytes": taken.disk_bytes,
                        "load": load,
                        "at": datetime.now(UTC).isoformat(timespec="seconds"),
                    },
                )
    return 0


def _keep(path: Path, point: dict[str, object]) -> None:
    kept = json.loads(path.read_text()) if path.exists() else {"points": []}
    kept["command"] = "python -m benchmarks.points --pairs N,… --seeds N,…"
    kept["threads"] = THREADS
    kept["points"].append(point)
    lines = ",\n  ".join(json.dumps(each) for each in kept["points"])
    head = json.dumps({name: value for name, value in kept.items() if name != "points"}, ensure_ascii=False)
    path.write_text(f'{head[:-1]},\n "points": [\n  {lines}\n ]}}\n')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

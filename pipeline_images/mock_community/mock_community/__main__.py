"""Make a mock metagenome whose composition is known.

Below OUT it writes input.tar (the sample), truth.tsv (its composition) and references/<name>/<version>/ (what
the metagenome pipeline needs, with SHA256SUMS). The same arguments give the same bytes.
"""

import argparse
import shutil
import sys
from pathlib import Path

from mock_community.packing import pack, write_truth
from mock_community.sequencing import genomes_of, sequence

DATA = Path("/opt/mock_community_data")  # strains and references, made while the image was built


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mock_community", description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("--pairs", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--human-share", type=float, default=0.05, help="of all reads; default: %(default)s")
    parser.add_argument(
        "--unknown-share", type=float, default=0.03, help="of all reads; default: %(default)s"
    )
    parser.add_argument(
        "--lanes", type=int, default=1, help="files to spread the reads over; default: %(default)s"
    )
    parser.add_argument("--single-end", action="store_true", help="only the first mates")
    parser.add_argument("--only-sample", action="store_true", help="without the references")
    args = parser.parse_args(arguments)
    if not (0 <= args.human_share <= 1 and 0 <= args.unknown_share <= 1):
        parser.error("--human-share and --unknown-share must lie between 0 and 1")
    if args.human_share + args.unknown_share > 1:
        parser.error("--human-share and --unknown-share together must not be more than 1")
    if args.pairs < 1 or not 1 <= args.lanes <= args.pairs:
        parser.error("--pairs and --lanes must be 1 or more, and no more lanes than pairs")
    return args


def main() -> int:
    args = parse()
    args.out.mkdir(parents=True, exist_ok=True)
    genomes = genomes_of(DATA / "strains", args.pairs, args.human_share, args.unknown_share)
    print(f"sequencing {args.pairs:,} pairs of {len(genomes)} genomes", flush=True)
    pack(sequence(genomes, args.seed), args.out / "input.tar", lanes=args.lanes, single_end=args.single_end)
    write_truth(args.out / "truth.tsv", genomes)
    if not args.only_sample:
        print("copying the references", flush=True)
        shutil.copytree(
            DATA / "references", args.out / "references", dirs_exist_ok=True, copy_function=shutil.copyfile
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

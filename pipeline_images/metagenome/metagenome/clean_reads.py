"""`python3 -m metagenome.clean_reads PAIRED NOTES [SYLPH FOUND]`: where the clean reads pass, on to Kraken 2.

They go from standard input to standard output, lie on no disk, and are there once. On their way it is noted
how much of each read was kept (in the folder NOTES), and sylph makes its sketch of them; once the last one is
through, the species that sylph finds are written to FOUND.
"""

import sys
from collections import deque
from pathlib import Path

from programs.chain import Program
from programs.outcome import Failed
from sequencing.kept import pass_clean

from metagenome.settings import Settings
from metagenome.sylph import found_text, profile, sketch

PAIRED, SINGLE = "paired", "single"


def passing(settings: Settings, notes: Path, found: Path, *, paired: bool) -> Program:
    command: list[str | Path] = [sys.executable, "-m", __spec__.name, PAIRED if paired else SINGLE, notes]
    command += [settings.sylph, found] if settings.sylph is not None else []
    return Program(name="sylph" if settings.sylph is not None else "clean_reads", command=command)


def main(arguments: list[str]) -> None:
    mates, notes, *opinion = arguments
    paired = mates == PAIRED
    blocks = pass_clean(sys.stdin.buffer, sys.stdout.buffer.write, 2 if paired else 1, Path(notes))
    if not opinion:
        deque(blocks, maxlen=0)
        return
    sample = sketch(blocks, paired=paired)
    sys.stdout.buffer.flush()
    sys.stdout.buffer.close()  # that was all: Kraken 2 need not wait for sylph
    reference, found = map(Path, opinion)
    found.write_text(found_text(profile(sample, reference)))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as error:
        print(error, file=sys.stderr)
        sys.exit(error.code)

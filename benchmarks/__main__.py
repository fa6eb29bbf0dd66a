"""The benchmarks' command: without a name it runs all of them, one after the other."""

import argparse
import importlib
import pkgutil
import sys

from rich.console import Console

import benchmarks
from benchmarks import report

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 120  # a log has no width of its own


def names() -> list[str]:
    """Every module of this package that can measure."""
    found = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return [n for n in found if n != "__main__" and hasattr(_module(n), "measure")]


def main(arguments: list[str]) -> int:
    known = names()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; without any, all")
    wanted = parser.parse_args(arguments).names
    if unknown := [n for n in wanted if n not in known]:
        parser.error(f"no benchmark {unknown[0]!r}: there are {', '.join(known)}")
    faults = 0
    for name in wanted or known:
        console.rule(f"[bold]{name}")
        found = _module(name).measure(console)
        report.show(found, console)
        console.print(f"kept in {report.keep(name, found).relative_to(report.ROOT)}")
        faults += len(found.faults)
    return 1 if faults else 0


def _module(name: str):  # type: ignore[no-untyped-def]
    return importlib.import_module(f"benchmarks.{name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

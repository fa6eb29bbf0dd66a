"""What each program of a chain took is told, program by program."""

import json
import sys
from pathlib import Path

import pytest
from programs import use
from programs.chain import Program, run_chain, run_program
from programs.command import command
from programs.outcome import Failed

MIB = 1 << 20
HOLD = "import sys, time; held = bytearray(b'x') * (90 << 20); time.sleep(0.6); sys.stdin.buffer.read()"
BURN = "import time\nwhile time.process_time() < 0.4: pass"


@pytest.fixture(autouse=True)
def _of_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "_TAKEN", [])


def python(name: str, script: str) -> Program:
    return Program(name=name, command=(sys.executable, "-c", script))


def told(meta: Path) -> dict[str, dict[str, float]]:
    use.leave(meta)
    return {each["program"]: each for each in json.loads((meta / use.RESOURCES).read_text())["programs"]}


def test_memory_is_each_programs_own(tmp_path: Path) -> None:
    """A job would be sized after the program beside the one that needs the memory, or after the runner."""
    mine = bytearray(b"x") * (200 * MIB)
    programs = [Program(name="cat", command=("sh", "-c", "cat; sleep 0.6")), python("holder", HOLD)]
    run_chain(programs, tmp_path, lambda write: write(b"ACGT"))
    del mine
    found = told(tmp_path)
    assert 90 <= found["holder"]["max_rss_mib"] < 150
    assert found["cat"]["max_rss_mib"] < 20


def test_bytes_and_seconds_are_counted(tmp_path: Path) -> None:
    """The tool that everything waits for would not be found."""
    run_chain(
        [Program(name="cat", command=("cat",)), Program(name="count", command=("wc", "-c"))],
        tmp_path,
        lambda write: write(bytes(3 * MIB)),
    )
    run_program(python("burner", BURN), tmp_path)
    found = told(tmp_path)
    assert list(found) == ["cat", "count", "burner"]
    assert found["cat"]["written_bytes"] == 3 * MIB
    assert found["count"]["read_bytes"] >= 3 * MIB > found["count"]["written_bytes"]
    assert 0.4 <= found["burner"]["cpu_s"] <= found["burner"]["wall_s"] + 0.1
    assert found["cat"]["cpu_s"] < 0.3


def test_a_program_that_failed_is_still_waited_for_once(tmp_path: Path) -> None:
    """Its exit code would be lost to a second wait, and a failure look like success."""
    with pytest.raises(Failed, match=r"worse failed \(exit code 3\)"):
        run_program(Program(name="worse", command=("sh", "-c", "exit 3")), tmp_path)
    assert list(told(tmp_path)) == ["worse"]


def test_a_pipeline_leaves_it_for_the_manifest(tmp_path: Path) -> None:
    """The manifest would tell of the whole alone."""

    def steps(_source: Path, output: Path) -> None:
        run_program(python("burner", BURN), output)

    assert command(steps, [str(tmp_path), str(tmp_path)], {"PIPELINE_META": str(tmp_path)}) == 0
    (program,) = json.loads((tmp_path / "resources.json").read_text())["programs"]
    assert program["program"] == "burner"
    use.count(1_234)
    assert command(steps, [str(tmp_path), str(tmp_path)], {"PIPELINE_META": str(tmp_path)}) == 0
    assert json.loads((tmp_path / "resources.json").read_text())["fragments"] == 1_234
    (tmp_path / "resources.json").unlink()
    assert command(steps, [str(tmp_path), str(tmp_path)], {}) == 0
    assert not (tmp_path / "resources.json").exists()

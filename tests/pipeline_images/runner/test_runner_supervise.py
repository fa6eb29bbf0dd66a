"""How a pipeline's end is understood: the ladder of attempts can only be as right as this."""

import sys
from pathlib import Path

import pytest
from runner.stop import Stop
from runner.supervise import supervise, understand
from runner.usage import memory_events, oom_kills


@pytest.mark.parametrize(
    ("code", "killed", "understood"),
    [
        (0, False, 0),
        (0, True, 137),  # a truncated gzip behind a pipe returned 0
        (65, True, 137),  # pipefail gave 65 where the kernel had killed
        (1, True, 137),
        (65, False, 65),
        (-9, False, 137),
        (-15, False, 143),
        (-11, False, 139),
        (137, False, 137),
        (3, False, 3),
    ],
)
def test_a_kill_for_want_of_memory_is_never_taken_for_something_else(
    code: int, killed: bool, understood: int
) -> None:
    """Taken for bad input, a good sample is rejected; taken for success, a wrong result is published."""
    assert understand(code, ["[E] words"], killed_for_memory=killed)[0] == understood


def test_a_rejection_is_the_pipeline_s_last_sentence_alone() -> None:
    """The branch reads it: the tools' chatter before it would hide it."""
    lines = ["fastp v0.23", "reading", "R2 has no reads; upload both mates", ""]
    assert understand(65, lines, killed_for_memory=False)[1] == "R2 has no reads; upload both mates"
    assert "did not say why" in understand(65, [], killed_for_memory=False)[1]


def run(program: str, tmp_path: Path, **how: object) -> tuple[int, str, float]:
    heard: list[str] = []
    ended = supervise(
        [sys.executable, "-c", program],
        environ={},
        folder=tmp_path,
        stop=Stop(),
        heard=heard.append,
        **how,  # type: ignore[arg-type]
    )
    return ended.code, ended.words, ended.usage.cpu_s


def test_an_oom_kill_in_the_container_s_cgroup_is_seen(tmp_path: Path) -> None:
    """More memory for the next attempt depends on it."""
    events = tmp_path / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n")
    program = f"open({str(events)!r}, 'w').write('oom 2\\noom_kill 2\\n')"
    code, words, _ = run(program, tmp_path, events=events)
    assert code == 137
    assert words.startswith("out of memory")
    assert run("pass", tmp_path, events=events)[0] == 0, "an older kill is not this pipeline's"


@pytest.mark.parametrize(
    ("cgroup", "file"),
    [
        ("0::/\n", "memory.events"),
        ("0::/ecs/task/abc\n", "ecs/task/abc/memory.events"),
        ("5:cpu:/x\n4:memory:/docker/abc\n", "memory/docker/abc/memory.oom_control"),
        ("4:memory:/docker/abc\n", "memory/memory.oom_control"),
    ],
)
def test_the_kill_count_is_found_in_either_cgroup_version(cgroup: str, file: str, tmp_path: Path) -> None:
    """Amazon Linux 2 has version 1, 2023 has version 2; Batch may run either."""
    (tmp_path / "cgroup").write_text(cgroup)
    counts = tmp_path / "fs" / file
    counts.parent.mkdir(parents=True)
    counts.write_text("oom_kill_disable 0\noom_kill 3\n")
    assert oom_kills(memory_events(tmp_path / "cgroup", tmp_path / "fs")) == 3


def test_no_cgroup_counts_no_kills(tmp_path: Path) -> None:
    """On a laptop without cgroups the pipeline must run as well."""
    assert oom_kills(memory_events(tmp_path / "absent", tmp_path)) == 0


def test_a_flood_without_a_newline_does_not_fill_the_runner(tmp_path: Path) -> None:
    """A tool's progress bar is one endless line; keeping it whole would cost the pipeline's memory."""
    program = "import sys; sys.stderr.write('#' * 3_000_000); sys.exit(4)"
    code, words, _ = run(program, tmp_path)
    assert code == 4
    assert len(words) <= 500


def test_what_a_pipeline_leaves_running_ends_with_it(tmp_path: Path) -> None:
    """A forgotten child would hold the pipe open, and the job for ever."""
    program = "import subprocess; subprocess.Popen(['sleep', '300'])"
    assert run(program, tmp_path)[0] == 0


def test_cpu_of_children_is_counted(tmp_path: Path) -> None:
    """The pipeline's tools are its children: without them every run would look free."""
    burn = "sum(i * i for i in range(3_000_000))"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{burn}'])"
    assert run(program, tmp_path)[2] > 0.1


def test_memory_that_a_file_backs_is_told_apart_and_so_is_the_disk(tmp_path: Path) -> None:
    """A mapped database of 60 GB would teach that the job needs 60 GB, and the next one asks for them."""
    (tmp_path / "database").write_bytes(bytes(64 << 20))
    source = (
        "import mmap, time\n"
        "f = open('database', 'rb'); m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\n"
        "mapped, own = sum(m[at] for at in range(0, len(m), 4096)), bytearray(100 << 20)\n"
        "time.sleep(1.2)\n"
    )
    ended = supervise([sys.executable, "-c", source], environ={}, folder=tmp_path, stop=Stop())
    assert ended.code == 0, ended.words
    assert 100 <= ended.usage.max_anonymous_mib < 160
    assert ended.usage.max_rss_mib >= ended.usage.max_anonymous_mib + 50
    assert 64 <= ended.usage.max_disk_mib < 70

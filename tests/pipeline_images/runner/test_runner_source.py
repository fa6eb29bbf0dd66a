"""Reading an upload over a network that breaks, from servers that do as they like."""

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from runner.aws import clients
from runner.outcome import Failed
from runner.source import S3Source
from runner.staging import stage
from runner.stop import Stop

from tests.pipeline_images.runner.corpus import by_tarfile, reads
from tests.pipeline_images.runner.sandbox import contents

FILES = {"a.fastq": reads(1, 20_000_000), "b.fastq": reads(2, 3_000_000), "c.fastq": b"@r\nA\n+\nI\n"}


class Server:
    """An object behind HTTP; `cut_every` breaks each n-th reply off, `ignores_range` sends the whole."""

    def __init__(self, data: bytes) -> None:
        self.data, self.etag = data, '"one"'
        self.cut_every, self.ignores_range, self.slow_downs = 0, False, 0
        self.replies = 0

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.replies += 1
        if self.slow_downs:
            self.slow_downs -= 1
            return self._send(handler, 503, {}, b"<Error><Code>SlowDown</Code></Error>")
        if handler.headers.get("If-Match", self.etag) != self.etag:
            return self._send(handler, 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        if asked is None or self.ignores_range:
            return self._send(handler, 200, {}, self.data)
        first, last = int(asked[1]), int(asked[2])
        range_ = {"Content-Range": f"bytes {first}-{last}/{len(self.data)}"}
        return self._send(handler, 206, range_, self.data[first : last + 1])

    def _send(self, handler: BaseHTTPRequestHandler, status: int, more: dict[str, str], body: bytes) -> None:
        handler.send_response(status)
        for name, value in ({"ETag": self.etag, "Content-Length": str(len(body))} | more).items():
            handler.send_header(name, value)
        handler.end_headers()
        cut = self.cut_every and self.replies % self.cut_every == 0
        handler.wfile.write(body[: len(body) // 3] if cut else body)
        if cut:
            handler.close_connection = True
            handler.connection.shutdown(2)


@contextmanager
def served(data: bytes) -> Iterator[tuple[Server, S3Source]]:
    server = Server(data)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    client = clients("eu-central-1", f"http://127.0.0.1:{http.server_port}").s3
    try:
        yield server, S3Source(client, {"Bucket": "uploads", "Key": "k"}, size=len(data), etag='"one"')
    finally:
        http.shutdown()
        http.server_close()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "222222222222")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")


@pytest.mark.parametrize("trouble", ["none", "replies cut", "range ignored", "slow down"])
def test_every_byte_is_right_whatever_the_network_does(trouble: str, tmp_path: Path) -> None:
    """A part that is written twice, or at the wrong place, is a wrong result with a right manifest."""
    with served(by_tarfile(FILES, 1)) as (server, source):
        server.cut_every = 3 if trouble == "replies cut" else 0
        server.ignores_range = trouble == "range ignored"
        server.slow_downs = 3 if trouble == "slow down" else 0
        staged = stage(source, tmp_path / "dest", Stop(), threads=3)
        if trouble == "replies cut":
            assert server.replies > 4, "nothing was cut"
    assert contents(tmp_path / "dest") == FILES
    assert [file.name for file in staged] == list(FILES)


def test_an_object_replaced_while_it_is_read_is_not_mixed(tmp_path: Path) -> None:
    """Half of one sample and half of another would be analysed as one."""
    with served(by_tarfile(FILES, 1)) as (server, source):
        source.read_into(0, memoryview(bytearray(10)))
        server.etag = '"two"'
        with pytest.raises(Failed, match="replaced while it was read"):
            stage(source, tmp_path / "dest", Stop())
    assert list((tmp_path / "dest").iterdir()) == []


def test_sigterm_ends_a_stage_in_and_leaves_nothing(tmp_path: Path) -> None:
    """A terabyte's stage-in must end when Batch says so, not when it is done."""
    stop = Stop()
    with served(by_tarfile(FILES, 1)) as (server, source):
        answer = server.answer

        def slow(handler: BaseHTTPRequestHandler) -> None:
            if server.replies == 1:
                stop.ask("stopped by SIGTERM", 143)
            answer(handler)

        server.answer = slow  # type: ignore[method-assign]
        with pytest.raises(Failed, match="SIGTERM"):
            stage(source, tmp_path / "dest", stop)
    assert list((tmp_path / "dest").iterdir()) == []


def test_the_bench_file_is_larger_than_a_part() -> None:
    """If it were not, the tests above would not show two threads in one file."""
    from runner.transfer import PART_BYTES

    assert len(FILES["a.fastq"]) > PART_BYTES
    assert io.BytesIO(FILES["b.fastq"]).getbuffer().nbytes < PART_BYTES

"""Runs one build and shows how far it is; its output appears only when it fails."""

import configparser
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline_images.containers import Engine

LAST_LINES = 25
REPEAT_S = 15.0  # where no terminal shows a running clock: a sign of life this often
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "timeout", "proxy")


class BuildFailed(Exception):
    """A build ended badly; the words hold its last lines."""


def build_stage(docker: Engine, folder: Path, title: str, options: list[str]) -> None:
    """`build` of a folder. BuildKit's plain progress and podman's both give one line for each step."""
    plain = ["--progress=plain"] if docker.program == "docker" else []
    # A machine without bridges gives its builds the host's network, as it does its containers.
    network = ["--network=host"] if "CONTAINERS_CONF" in docker.environ else []
    follow(docker.command("build", *plain, *network, *options, folder), docker.environ, title)


def follow(command: list[str], environ: Mapping[str, str], title: str) -> None:
    """Run to the end, showing the current step and the time. Raises `BuildFailed`."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    step, done = [""], threading.Event()
    clock = threading.Thread(target=_show, args=(title, step, done), daemon=True)
    clock.start()
    try:
        with subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last.append(line.rstrip())
                if line.startswith(("STEP ", "#", "[")):
                    step[0] = line.strip()
    finally:
        done.set()
        clock.join()
    if process.returncode:
        words = "\n".join(f"    {line}" for line in last if line)
        raise BuildFailed(f"{title} failed with exit code {process.returncode}. Its last lines:\n{words}")


def _show(title: str, step: list[str], done: threading.Event) -> None:
    started, terminal = time.monotonic(), sys.stderr.isatty()
    while not done.wait(0.2 if terminal else REPEAT_S):
        words = f"{title} … {time.monotonic() - started:.0f} s  {step[0]}"
        if terminal:
            width = os.get_terminal_size(sys.stderr.fileno()).columns - 1
            print(f"\r\033[K{words[:width]}", end="", file=sys.stderr, flush=True)
        else:
            print(words[:110], file=sys.stderr, flush=True)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def host_secrets(environ: Mapping[str, str] = os.environ) -> Iterator[list[str]]:
    """Build options that lend pip this host's certificates and package index. No image keeps them."""
    with tempfile.TemporaryDirectory(prefix="globalbi-build-") as room:
        options = []
        certificates = next((environ[name] for name in CERTIFICATES if environ.get(name)), None)
        if certificates and Path(certificates).is_file():
            options.append(f"--secret=id=ca,src={certificates}")
        settings = pip_settings(environ)
        if settings.sections():
            written = Path(room, "pip.conf")
            with written.open("w") as out:
                settings.write(out)
            options.append(f"--secret=id=pipconf,src={written}")
        yield options


def pip_settings(environ: Mapping[str, str]) -> configparser.ConfigParser:
    """Where this host's pip finds packages: of its settings, those that mean the same in a build."""
    home = Path(environ.get("HOME") or "/")
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    if environ.get("PIP_CONFIG_FILE"):
        files.append(Path(environ["PIP_CONFIG_FILE"]))
    read, kept = configparser.ConfigParser(interpolation=None), configparser.ConfigParser(interpolation=None)
    read.read(files)
    for setting in PIP_SETTINGS:
        value = environ.get(f"PIP_{setting.replace('-', '_').upper()}") or read.get(
            "global", setting, fallback=""
        )
        if value:
            if not kept.has_section("global"):
                kept.add_section("global")
            kept.set("global", setting, value)
    return kept

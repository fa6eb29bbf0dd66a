"""What a branch loses when an archive is read wrongly: reads without a word, or a host's files."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from runner.contents import Contents
from runner.limits import Limits
from runner.outcome import Refused
from runner.tar import walk
from runner.window import Window

from tests.pipeline_images.runner.corpus import FAMILIES, GOOD, cases
from tests.pipeline_images.runner.fuzz import campaign
from tests.pipeline_images.runner.sandbox import BytesSource, Sandbox

CASES = list(cases())


def test_the_corpus_covers_every_family_with_enough_cases() -> None:
    """A family that silently lost its cases would prove nothing."""
    assert {case.family for case in CASES} == set(FAMILIES)
    assert len(CASES) >= 200


@pytest.mark.parametrize("family", FAMILIES)
def test_every_archive_is_read_whole_or_refused_with_advice(family: str) -> None:
    """A hostile archive would write where it likes; a damaged one would lose reads and nobody would know."""
    with Sandbox() as sandbox:
        for case in (case for case in CASES if case.family == family):
            seen = sandbox.stage(case.archive)
            assert not seen.strays, case.name
            assert seen.files == (None if case.files is None else dict(case.files)), (
                case.name,
                seen.sentence,
            )
            if case.files is None:
                assert seen.sentence.isprintable(), f"{case.name}: not one clean line"
                assert len(seen.sentence) <= 500, case.name
                assert "; " in seen.sentence, f"{case.name}: no word on what to upload instead"


@pytest.mark.parametrize("how", ["gnu", "ustar", "pax", "v7-refused", "records of 1 MiB"])
def test_archives_of_the_real_tar_program(how: str, tmp_path: Path) -> None:
    """What `tar` writes on a branch's computer must be taken as it is."""
    program = shutil.which("tar")
    assert program, "tar is part of every system this project runs on"
    for name, data in GOOD.items():
        (tmp_path / name).write_bytes(data)
    format_ = how.split("-")[0] if how[0] in "gupv" else "gnu"
    blocks = ["-b", "2048"] if "1 MiB" in how else []
    command = [program, f"--format={format_}", *blocks, "-cf", "input.tar", *GOOD]
    subprocess.run(command, cwd=tmp_path, check=True)
    with Sandbox() as sandbox:
        seen = sandbox.stage((tmp_path / "input.tar").read_bytes())
    assert seen.files == (None if how == "v7-refused" else GOOD), seen.sentence


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tar.gz", "upload the plain .tar"),
        ("fastq.gz", "pack the FASTQ files as a plain tar"),
        ("tar.gz cut short", ".tar"),
        ("zip", "a zip archive"),
        ("no bytes", "empty (0 bytes)"),
        ("a folder only", "there is no file in it"),
    ],
)
def test_the_sentence_names_what_was_uploaded_and_what_to_upload(name: str, words: str) -> None:
    """A lab person who reads 'invalid header' telephones HQ."""
    case = next(case for case in CASES if case.name == name)
    with Sandbox() as sandbox:
        assert words in sandbox.stage(case.archive).sentence


def test_an_archive_of_more_bytes_than_a_run_can_hold_is_refused() -> None:
    """Sizes in headers cost their author nothing, and a disk that is full stops its neighbours."""
    archive = min((case.archive for case in CASES if case.files == GOOD), key=len)
    total = sum(map(len, GOOD.values()))
    assert len(list(walk(Window(BytesSource(archive)), Limits(total_bytes=total)))) == len(GOOD)
    with pytest.raises(Refused, match=f"more than {total - 1} bytes"):
        list(walk(Window(BytesSource(archive)), Limits(total_bytes=total - 1)))


def test_no_mutation_escapes_or_loses_reads() -> None:
    """Damage that nobody thought of: 1,500 random mutations, none accepted with a part of its files."""
    result = campaign(mutations=1500, seed=1)
    assert result.mutations == 1500
    assert result.refused > 1000
    assert result.accepted > 0
    assert result.faults == []


@pytest.mark.parametrize("guard", ["contents", "padding", "end of the archive"])
def test_the_fuzzer_notices_a_missing_guard(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fuzzer that finds nothing whatever the reader does would prove nothing."""
    if guard == "contents":
        monkeypatch.setattr("runner.contents._MAGICS", ())
        monkeypatch.setattr("runner.contents.ends_in_zeros", lambda *_: False)
    elif guard == "padding":
        monkeypatch.setattr("runner.tar._check_padding", lambda *_: None)
    else:
        monkeypatch.setattr("runner.tar._check_end", lambda *_: None)
        monkeypatch.setattr("runner.tar._check_last", lambda *_: None)
    assert campaign(mutations=1000, seed=1).incomplete > 0


@pytest.mark.parametrize("pieces", [[4096], [512, 3584], [100, 3996], [1000, 1000, 2096]])
@pytest.mark.parametrize("magic", [b"ustar\x0000", b"ustar  \x00"])
def test_a_swallowed_header_is_seen_however_the_contents_arrive(magic: bytes, pieces: list[int]) -> None:
    """A file that swallowed its successor's header would be analysed, and the successor would be missing."""
    inside = b"u" * 2048 + bytes(257) + magic + b"u" * (2048 - 257 - len(magic))
    swallowed = Contents("a.fastq.gz")
    with pytest.raises(Refused, match="holds a tar's header"):
        feed(swallowed, inside, pieces)
    elsewhere = Contents("a.fastq.gz")
    feed(elsewhere, b"u" + inside[:-1], pieces)  # as text, not where a header has it
    assert elsewhere.hexdigest() == hashlib.sha256(b"u" + inside[:-1]).hexdigest()


def feed(contents: Contents, data: bytes, pieces: list[int]) -> None:
    for size in pieces:
        contents.update(memoryview(data)[:size])
        data = data[size:]

"""The rehearsal's own repository: this checkout as its first commit, and what people do from there."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import Broken
from rollout.repository import git

AUTHOR = "user.name=rehearsal", "user.email=rehearsal@example.org", "commit.gpgsign=false"
WHO = tuple(word for setting in AUTHOR for word in ("-c", setting))


@dataclass(frozen=True, kw_only=True)
class Repository:
    """`origin` is what GitHub has; `desk` is somebody's own clone, in which changes are written."""

    origin: Path
    desk: Path

    @classmethod
    def make(cls, root: Path, folder: Path, prepare: Callable[[Path], None]) -> "Repository":
        """Of the files of `root` that git knows or would take up; `prepare` changes them before they are
        committed.
        """
        origin, desk = folder / "origin.git", folder / "desk"
        desk.mkdir(parents=True)
        for name in git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")[
            :-1
        ]:
            if (root / name).is_file():
                (desk / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, desk / name)
        prepare(desk)
        git(desk, "init", "-q", "-b", "main")
        git(folder, "init", "-q", "--bare", "-b", "main", str(origin))
        git(origin, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(desk, "remote", "add", "origin", str(origin))
        made = cls(origin=origin, desk=desk)
        made.commit("The repository as it is")
        git(desk, "push", "-q", "origin", "main")
        return made

    @property
    def main(self) -> str:
        return git(self.origin, "rev-parse", "main").strip()

    def branch(self, name: str) -> None:
        git(self.desk, "checkout", "-q", "-B", name, "main")

    def take_up(self, branch: str, parent: str, files: Mapping[str, str], words: str) -> None:
        """The branch that a workflow made on GitHub."""
        git(self.desk, "checkout", "-q", "-B", branch, parent)
        for name, text in files.items():
            (self.desk / name).parent.mkdir(parents=True, exist_ok=True)
            (self.desk / name).write_text(text)
        self.commit(words)

    def drop(self) -> None:
        """What was changed on the desk and is in no commit."""
        git(self.desk, "checkout", "-q", "--force", "main")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.desk / file
        text = path.read_text()
        if old not in text:
            raise Broken(f"{file} no longer holds {old!r}: the story has to be told otherwise")
        path.write_text(text.replace(old, new))

    def copy(self, file: str, to: str) -> None:
        (self.desk / to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.desk / file, self.desk / to)

    def commit(self, words: str) -> str:
        git(self.desk, "add", "--all")
        git(self.desk, *WHO, "commit", "-q", "-m", words)
        return git(self.desk, "rev-parse", "HEAD").strip()

    def propose(self, branch: str, number: int) -> dict[str, Any]:
        """Pushes the branch, and its merge with main as GitHub tries it; what GitHub then tells of both."""
        head, base = git(self.desk, "rev-parse", branch).strip(), self.main
        git(self.desk, "checkout", "-q", "--detach", "main")
        git(self.desk, *WHO, "merge", "-q", "--no-ff", "-m", f"Merge #{number}", branch)
        git(self.desk, "push", "-q", "--force", "origin", branch, f"HEAD:refs/pull/{number}/merge")
        git(self.desk, "checkout", "-q", branch)
        return {"head": {"ref": branch, "sha": head}, "base": {"ref": "main", "sha": base}}

    def merge(self, branch: str, number: int) -> tuple[str, str]:
        """The commits of main before and after."""
        before = self.main
        git(self.desk, "checkout", "-q", "main")
        git(self.desk, *WHO, "merge", "-q", "--no-ff", "-m", f"Merge #{number}", branch)
        git(self.desk, "push", "-q", "origin", "main")
        return before, self.main

    def checkout(self, ref: str, folder: Path) -> str:
        """A clone at `ref`; its commit."""
        git(self.origin.parent, "clone", "-q", "--no-checkout", str(self.origin), str(folder))
        git(folder, "fetch", "-q", "origin", ref)
        git(folder, "checkout", "-q", "--detach", "FETCH_HEAD")
        return git(folder, "rev-parse", "HEAD").strip()

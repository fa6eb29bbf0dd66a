"""What all tests share: the import paths."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The runner and each pipeline are packages of their own images; here they are imported from their folders.
packages = (package.parent.parent for package in sorted(ROOT.glob("pipeline_images/*/*/__init__.py")))
for folder in (ROOT, *packages):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

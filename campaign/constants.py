"""Numbers that the infrastructure sets, read from its own source: importing it would take Pulumi."""

import ast
from pathlib import Path

_COMPONENTS = Path(__file__).resolve().parent.parent / "components"


def constant_of(module: str, name: str) -> int:
    """The whole number that `components/<module>.py` assigns to `name`; `LookupError` if it does not."""
    tree = ast.parse((_COMPONENTS / f"{module}.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            value = ast.literal_eval(node.value)
            if isinstance(value, int):
                return value
    raise LookupError(f"components/{module}.py must assign a whole number to {name}")

"""Tags: who a resource belongs to and who made it, on everything that takes tags.

`Project` is the tag to activate for cost allocation; `globalbi:office` splits the bill by office.
"""

from components.names import PREFIX


def tags(office: str, component: str, **more: str) -> dict[str, str]:
    return {
        "Project": PREFIX,
        f"{PREFIX}:office": office,
        f"{PREFIX}:component": component,
        f"{PREFIX}:managed-by": "pulumi",
        **more,
    }

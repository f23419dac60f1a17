"""The API's documentation: a page for every module of ours, from its docstrings.

python docs/build.py site
"""

import sys
import warnings
from pathlib import Path

import pdoc
import pdoc.render

ROOT = Path(__file__).parents[1]
PACKAGES = {"meshkit": ROOT, "meshkit_cli": ROOT / "cli", "meshkit_services": ROOT / "services"}


def modules() -> list[str]:
    """Every module, for pdoc alone would leave out those that a package's `__all__` does not name.

    Generated code is left out: the schemas say what it means.
    """
    found: list[str] = []
    for package, root in PACKAGES.items():
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if "pb" not in parts:
                found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def main(folder: str) -> None:
    pdoc.render.configure(docformat="markdown", footer_text="meshkit", show_source=False)
    # Each package brings those of its modules along that its `__all__` names: all come once.
    warnings.filterwarnings("ignore", message=".*has already been added")
    # What a package only imports when it is asked for has its page where it is defined.
    warnings.filterwarnings("ignore", message=".*__all__, but it does not resolve")
    pdoc.pdoc(*modules(), "!meshkit.pb", output_directory=Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])

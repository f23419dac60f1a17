"""The latency of decisions, drawn: how it grows with the validators, with a third gone, too."""

from pathlib import Path
from typing import Any

SCHEMA = "meshkit.bench.latency/v1"
TITLES = {"lan": "one site", "regions": "five regions"}
NAMES = {"none": "all there", "crashed": "{} crashed", "liars": "{} lying"}
GONE = {"raft": "just under half"}  # of the others as many as BFT bears
A_THIRD = "a third"
COLOURS = {"none": "#1b6ca8", "crashed": "#c2571a", "liars": "#6b3fa0"}
GOALS_MS = {"lan": 500, "regions": 600}  # of the p99, of the p50: drawn in grey
SUFFIXES = (".svg", ".png")


class Unplottable(Exception):
    """There is nothing to draw, or nothing to draw with."""


def is_document(document: Any) -> bool:
    """Whether all is there that is drawn."""
    try:
        rows: list[Any] = document["rows"] if document["schema"] == SCHEMA else []
        for row in rows:
            float(row["settled"]["p50_ms"] + row["settled"]["p99_ms"] + row["replicas"])
        return bool(rows) and all(row["place"] in TITLES and row["faults"] in NAMES for row in rows)
    except (KeyError, TypeError, ValueError):
        return False


def draw(document: dict[str, Any], out: Path) -> None:
    """Draw a document of `bench latency` to a file, whose suffix names its kind.

    Raises Unplottable.
    """
    if not is_document(document):
        raise Unplottable(f"this is no {SCHEMA} with rows: `meshkit bench latency` prints one")
    if out.suffix not in SUFFIXES:
        raise Unplottable(f"{out}: its name is to end in {' or '.join(SUFFIXES)}")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise Unplottable("plots need matplotlib: pip install meshkit[plots]") from error
    mpl.use("agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "meshkit"  # the same document makes the same bytes
    rows = document["rows"]
    engine = str(rows[0].get("engine", ""))
    places = [place for place in TITLES if any(row["place"] == place for row in rows)]
    figure, panels = plt.subplots(1, len(places), figsize=(5 * len(places), 4), squeeze=False)
    for place, panel in zip(places, panels[0], strict=True):
        for faults, name in NAMES.items():
            line = [row for row in rows if (row["place"], row["faults"]) == (place, faults)]
            if not line:
                continue
            line.sort(key=lambda row: row["replicas"])
            sizes = [row["replicas"] for row in line]
            colour = COLOURS[faults]
            panel.plot(
                sizes, [row["settled"]["p50_ms"] for row in line], color=colour,
                label=name.format(GONE.get(engine, A_THIRD)), marker="o", markersize=3,
            )  # fmt: skip
            panel.plot(
                sizes, [row["settled"]["p99_ms"] for row in line], color=colour, linestyle=":"
            )
        panel.axhline(GOALS_MS[place], color="#888888", linewidth=0.8)
        panel.set_title(f"{engine}, {TITLES[place]}" if engine else TITLES[place])
        panel.set_xlabel("validators")
        panel.set_yscale("log")
    panels[0][0].set_ylabel("ms until decided: p50, dotted p99")
    panels[0][0].legend(frameon=False)
    figure.tight_layout()
    metadata = {"Date": None} if out.suffix == ".svg" else None
    figure.savefig(out, metadata=metadata)  # pyright: ignore[reportUnknownMemberType]  # theirs
    plt.close(figure)

"""Tables of documents, made from records: `python -m keras_i2i.zoo.documents` writes them anew (`make readme`).

A table stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`. The README holds `zoo-table`, one a bench and one
a comparison of `evaluation.claims`; a model's card holds `facts`, `training` and `metrics`. The text around them is
written by hand.
"""

import json
import pathlib
import re

from keras_i2i import bench
from keras_i2i.evaluation import claims
from keras_i2i.zoo import cards, registry

REPORTS = pathlib.Path("tests", "bench", "reports")


def fill(text, tables):
    """Replaces what stands between the markers of each table.

    Args:
        text: Markdown.
        tables: maps a marker's name to Markdown; names without a marker in the text are passed over.

    Returns:
        The new text.
    """
    for name, table in tables.items():
        between = rf"(<!-- {re.escape(name)}:begin -->\n).*?(<!-- {re.escape(name)}:end -->)"
        text = re.sub(between, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)
    return text


def card_tables(record):
    """The tables of a model's card by name."""
    return {"facts": cards.facts(record), "training": cards.training(record), "metrics": cards.metrics(record)}


def bench_tables(root):
    """What the commands `keras-i2i bench` wrote into a source tree by `--json`: bench-NAME -> its tables."""
    found = {f"bench-{name}": [] for name in bench.MODULES}
    for path in sorted((root / REPORTS).glob("*.json")):
        report = json.loads(path.read_text("utf-8"))
        found[f"bench-{report['bench']}"].append(bench.module(report["bench"]).table(report))
    return {name: "\n\n".join(tables) for name, tables in found.items()}


def claims_tables(root):
    """What was measured of the papers' claims: claims-NAME -> its table."""
    return {f"claims-{name}": claims.table(name, claims.read(root, name)) for name in claims.COMPARISONS}


def refreshed(root):
    """The documents of a source tree as they should be.

    Args:
        root: the folder with README.md and zoo/.

    Returns:
        Maps a path to its new text, the README and every card.
    """
    root = pathlib.Path(root)
    tables = {"zoo-table": cards.zoo_table(), **bench_tables(root), **claims_tables(root)}
    texts = {root / "README.md": fill((root / "README.md").read_text("utf-8"), tables)}
    for entry in registry.listing():
        card = root / "zoo" / entry.name / cards.FILE
        texts[card] = fill(card.read_text("utf-8"), card_tables(registry.find(entry.name).record))
    return texts


if __name__ == "__main__":
    for path, text in refreshed(pathlib.Path(__file__).parents[2]).items():
        path.write_text(text, "utf-8")
        print(path)

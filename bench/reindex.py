"""What a second run costs: nothing changed, one page changed, one page deleted.

    python -m bench.reindex [--handbook]

With ``--handbook`` all 853 pages are indexed, which embeds for some minutes; otherwise 25.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.corpora import embedder
from bench.pages import Library, copy_pages, open_library
from bench.timing import Stopwatch, print_table
from knowledge.access import EVERYONE, Audience
from knowledge.reporting import IndexReport
from knowledge.retrieval import HybridRetriever

_NEWS = "\n\n## News of the day\n\nThe purple otter now guards the parking lot on Tuesdays.\n"
_ASKED = "Who guards the parking lot on Tuesdays?"


def main(arguments: Sequence[str] | None = None) -> None:
    """Index four times and print what each run did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--handbook", action="store_true", help="all pages")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages = copy_pages(folder, None if chosen.handbook else 25)
        with open_library(folder, folder / "data", embedder()) as library:
            rows = [_run(library, "first"), _run(library, "unchanged")]
            pages[0].write_text(pages[0].read_text() + _NEWS)
            rows += [_run(library, "one page changed")]
            rows[-1][-1] = _is_found(library, pages[0])
            pages[0].unlink()
            rows += [_run(library, "that page deleted")]
            rows[-1][-1] = _is_found(library, pages[0])
    head = ["run", "seconds", "documents", "changed", "removed", "embedded", "page found"]
    print_table(head, rows)


def _run(library: Library, what: str) -> list[object]:
    watch = Stopwatch()
    with watch.lap():
        report = library.ingest(_progress)
    changed = _sum(report, "added") + _sum(report, "changed")
    counts = (report.documents, changed, _sum(report, "removed"), report.chunks_embedded)
    return [what, f"{watch.median:.1f}", *counts, ""]


def _progress(stage: str, done: int, total: int) -> None:
    if stage == "embed":
        print(f"  embedded {done} of {total}", end="\r", flush=True)


def _sum(report: IndexReport, what: str) -> int:
    return sum(getattr(source, what) for source in report.sources)


def _is_found(library: Library, page: Path) -> str:
    """Ask for what only the changed page says."""
    retriever = HybridRetriever(
        library.open_index(), library.embedder, library.catalogue.roles_of, limit=1
    )
    found = retriever.search(_ASKED, Audience.from_role_sets([[EVERYONE]]))
    is_page = any(one.doc_id.endswith(page.name) and "otter" in one.text for one in found.passages)
    return "yes" if is_page else "no"


if __name__ == "__main__":
    main()

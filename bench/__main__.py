"""Every benchmark in turn: ``python -m bench [NAME ...]``, or ``make bench``.

Some ten minutes on two cores. Named ones run in full; without names, what takes longer is cut
short or left out: the larger corpora of ``retrieval``, most weeks of ``drift`` and answers of
``logged``, all of ``outside``, ``faults``, ``voices`` and ``memorisation``. All pages of the
handbook are indexed by ``python -m bench.reindex --handbook`` alone.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence

from bench import (
    ack,
    drift,
    faults,
    first_answer,
    indexing,
    logged,
    memorisation,
    outside,
    reindex,
    retrieval,
    search,
    voices,
)

_ALL: Mapping[str, Callable[[Sequence[str]], None]] = {
    "indexing": indexing.main,
    "reindex": reindex.main,
    "search": search.main,
    "first_answer": first_answer.main,
    "ack": ack.main,
    "retrieval": retrieval.main,
    "outside": outside.main,
    "faults": faults.main,
    "logged": logged.main,
    "drift": drift.main,
    "voices": voices.main,
    "memorisation": memorisation.main,
}
_QUICK: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(["indexing", "reindex", "search", "first_answer", "ack"], ()),
    "retrieval": ("--only", "workarena", "mtrag"),
    "logged": ("--answers", "50"),
    "drift": ("--runs", "20"),
}


def main() -> None:
    """Run the named benchmarks, or what is quick."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_ALL))
    names = parser.parse_args().names
    if unknown := set(names) - _ALL.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    for name, arguments in dict.fromkeys(names, ()).items() or _QUICK.items():
        _run(name, arguments)


def _run(name: str, arguments: Sequence[str]) -> None:
    load = os.getloadavg()[0]
    print(
        f"\n== {name} {' '.join(arguments)} ({os.cpu_count()} cores, load {load:.1f})", flush=True
    )
    start = time.monotonic()
    _ALL[name](arguments)
    print(f"({time.monotonic() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()

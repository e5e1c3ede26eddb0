"""The harness of `housevoice evaluate` on documents and questions that nobody here wrote.

    python -m bench.outside [--only NAME ...] [--arm ARM ...] [--part test] [--limit N]

Each set becomes a folder of documents with access rules and a golden set, is indexed as any other
and measured as any other. workarena: 500 questions with known values, 280 of them again by someone
who may read all but the one article that answers, and 300 questions that no article answers.
handbook: which page is cited. mtrag: conversations with their history, by answerability. squad:
paragraphs by article, half of the questions without an answer. injection: the sample company's own
cases, its pages as they are and again with an attack planted in each. ``--part test`` asks only
what the shipped reader was neither trained nor tuned on (`bench/reader_rows.py`).
"""

import argparse
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.corpora import DATA, ROOT, SCRATCH, rows_of, safe_name
from bench.reader_rows import Part, conversation, part_of, squad_parts
from bot.cli.evaluating import Wanted, evaluate
from bot.house import open_house
from bot.settings import KnowledgeSettings, Settings
from knowledge.golden import GoldenCase, load_golden

Case = Mapping[str, Any]
_EVERYONE = ["everyone"]
_ANSWERED = frozenset({"ANSWERABLE", "PARTIAL"})
_LEAST_TOLD = 40  # characters of an attack that count as shown


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, index and measure the chosen sets."""
    chosen = _parser().parse_args(arguments)
    if not DATA.is_dir():
        print(f"skipped: no data in {DATA}")
        return
    for name in chosen.only or _SETS:
        print(f"\n-- {name}", flush=True)
        made = indexed(name)
        wanted = Wanted(
            golden=(made.golden,),
            arms=tuple(chosen.arm or ("quote", "few-shot")),
            tags=(chosen.part,) if chosen.part else (),
            limit=chosen.limit,
            html=chosen.html / f"{name}.html" if chosen.html else None,
        )
        evaluate(made.settings, wanted)


@dataclass(frozen=True, slots=True)
class Made:
    """A set that lies in a folder of its own, indexed."""

    settings: Settings
    golden: Path


def indexed(name: str) -> Made:
    """Make the folder of a set and index it; what did not change is not embedded again."""
    folder = SCRATCH / "outside" / name
    golden = _SETS[name](folder)
    settings = Settings(data=folder / "data", knowledge=KnowledgeSettings(folder=folder))
    with open_house(settings) as house:
        report = house.ingest()
    print(f"{report.documents} documents, {report.chunks_embedded} chunks embedded", flush=True)
    return Made(settings, golden)


def _workarena(folder: Path) -> Path:
    articles = {row["doc_id"]: row for row in rows_of("workarena_kb/articles.jsonl")}
    pages = {f"{name}.md": row["text"] for name, row in articles.items()}
    rules = [{"match": f"{name}.md", "roles": [name]} for name in articles]
    _write_folder(folder, pages, rules)
    cases = list[Case]()
    for row in rows_of("workarena_kb/questions.jsonl"):
        name, value = row["doc_id"], str(articles[row["doc_id"]]["value"])
        asked = {"id": row["qid"], "question": row["question"], "roles": [*_EVERYONE, *articles]}
        values = list(dict.fromkeys(filter(None, [row["answer"], *row["alternative_answers"]])))
        part = part_of(name, articles)
        known = {"sources": [f"{name}.md"], "answers": values, "tags": ["answerable", part]}
        cases.append(asked | known)
        if not articles[name]["other_docs_with_value"]:
            others = {
                "id": f"{row['qid']}-hidden",
                "roles": [*_EVERYONE, *(one for one in articles if one != name)],
            }
            refused = {"expect": "decline", "forbidden": [value], "tags": ["hidden", part]}
            cases.append(asked | others | refused)
    for number, row in enumerate(rows_of("out_of_scope/queries.jsonl")):
        asked = {"id": f"oos{number}", "question": row["text"], "roles": [*_EVERYONE, *articles]}
        part = "test" if number % 2 else "tune"
        cases.append(asked | {"expect": "decline", "tags": ["out-of-scope", part]})
    return _write_golden(folder, "workarena_kb", cases)


def _handbook(folder: Path) -> Path:
    rows = rows_of("handbook/pages.jsonl")
    paths = {row["doc_id"]: f"{safe_name(row['path'])}" for row in rows}
    texts = {
        paths[row["doc_id"]]: (DATA / "handbook" / "pages" / row["path"]).read_text()
        for row in rows
    }
    _write_folder(folder, texts, [{"match": "**", "roles": _EVERYONE}])
    cases = [
        {
            "id": row["qid"],
            "question": row["question"],
            "roles": _EVERYONE,
            "sources": [paths[row["doc_id"]]],
            "tags": [row["area"]],
        }
        for row in rows_of("handbook/faq_questions.jsonl")
    ]
    return _write_golden(folder, "handbook FAQ", cases)


def _mtrag(folder: Path) -> Path:
    rows = rows_of("mtrag_un/passages.jsonl")
    names = {row["doc_id"]: f"{safe_name(row['doc_id'])}.md" for row in rows}
    pages = {
        names[row["doc_id"]]: f"# {row['title'] or 'Untitled'}\n\n{row['text']}" for row in rows
    }
    _write_folder(folder, pages, [{"match": "**", "roles": _EVERYONE}])
    tasks = rows_of("mtrag_un/tasks.jsonl")
    talks = {conversation(row["task_id"]) for row in tasks}
    cases = [
        _of_conversation(row, names, part_of(conversation(row["task_id"]), talks)) for row in tasks
    ]
    return _write_golden(folder, "mtrag_un", cases)


def _of_conversation(row: Case, names: Mapping[str, str], part: Part) -> Case:
    is_answered = row["answerability"] in _ANSWERED and row["context_ids"]
    turns = [turn["text"] for turn in row["history"]]
    pairs = zip(turns[::2], turns[1::2], strict=False)
    return {
        "id": row["task_id"],
        "question": row["question"],
        "roles": _EVERYONE,
        "history": [{"asked": asked, "answered": answered} for asked, answered in pairs],
        "sources": [names[one] for one in row["context_ids"]] if is_answered else [],
        "expect": "answer" if is_answered else "decline",
        "tags": [row["answerability"].lower(), part],
    }


def _squad(folder: Path) -> Path:
    rows = rows_of("squad2/train.jsonl")
    texts = dict[str, dict[str, str]]()
    for row in rows:
        texts.setdefault(f"{safe_name(row['title'])}.md", {})[row["context_id"]] = row["context"]
    pages = {
        path: f"# {path[:-3].replace('_', ' ')}\n\n" + "\n\n".join(parts.values())
        for path, parts in texts.items()
    }
    _write_folder(folder, pages, [{"match": "**", "roles": _EVERYONE}])
    parts = squad_parts()
    cases = [_of_paragraph(row, parts.get(row["title"], "train")) for row in rows]
    return _write_golden(folder, "squad2", cases)


def _of_paragraph(row: Case, part: Part) -> Case:
    asked = {"id": row["id"], "question": row["question"], "roles": _EVERYONE}
    if row["is_impossible"]:
        return asked | {"expect": "decline", "tags": ["unanswerable", row["title"], part]}
    values = list(dict.fromkeys(row["answers"]))
    known = {"sources": [f"{safe_name(row['title'])}.md"], "answers": values}
    return asked | known | {"tags": ["answerable", row["title"], part]}


def _injection(folder: Path) -> Path:
    sample = ROOT / "knowledge" / "sample"
    _renew(folder)
    shutil.copytree(sample, folder, dirs_exist_ok=True)
    attacks = [row["attack"] for row in rows_of("injection/attacks.jsonl") if row["kind"] == "text"]
    planted = dict[str, str]()
    for number, path in enumerate(sorted((folder / "documents").rglob("*.md"))):
        attack = attacks[number % len(attacks)]
        path.write_text(f"{path.read_text().rstrip()}\n\n{attack}\n")
        planted[path.relative_to(folder / "documents").as_posix()] = attack
    cases = [
        _guarded(case, [planted[one] for one in case.sources if one in planted])
        for case in load_golden(sample / "golden.yaml").cases
    ]
    return _write_golden(folder, "sample with attacks", cases)


def _guarded(case: GoldenCase, attacks: Iterable[str]) -> Case:
    shown = [one for one in attacks if len(one) >= _LEAST_TOLD]
    return case.model_dump(mode="json") | {"forbidden": [*case.forbidden, *shown]}


def _write_folder(folder: Path, pages: Mapping[str, str], rules: Sequence[Case]) -> None:
    _renew(folder)
    for path, text in pages.items():
        place = folder / "documents" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    source = {"name": "outside", "folder": "documents", "link": "https://kb.example/{path}"}
    access = {"version": 1, "sources": [source | {"rules": rules}]}
    (folder / "access.yaml").write_text(json.dumps(access))  # JSON is YAML


def _renew(folder: Path) -> None:
    """Empty a folder, but for its index: what did not change is not embedded again."""
    shutil.rmtree(folder / "documents", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _write_golden(folder: Path, name: str, cases: Iterable[Case]) -> Path:
    path = folder / "golden.jsonl"
    lines = [{"name": name, "version": 1}, *cases]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


_SETS: Mapping[str, Callable[[Path], Path]] = {
    "workarena": _workarena,
    "mtrag": _mtrag,
    "squad": _squad,
    "injection": _injection,
    "handbook": _handbook,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(_SETS))
    parser.add_argument("--arm", action="append", help="as `housevoice evaluate` takes it")
    parser.add_argument("--limit", type=int, default=0, help="about so many cases of each set")
    parser.add_argument("--part", choices=["tune", "test"], help="of workarena, mtrag, squad")
    parser.add_argument("--html", type=Path, help="write reports to this folder")
    return parser


if __name__ == "__main__":
    main()

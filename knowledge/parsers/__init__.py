"""What runs in the limited child process: bytes of one file in, Markdown out.

Nothing here is imported by the parent but this file and ``wire``; heavy libraries load when
the first file of their kind arrives. Knows neither sources nor roles.
"""

PARSER_VERSION = "2"
"""Bump whenever any file of any kind would give another text: then all are parsed anew."""

EXTENSIONS = frozenset({".csv", ".docx", ".htm", ".html", ".md", ".pdf", ".pptx", ".txt", ".xlsx"})
"""What can be parsed; other files are skipped and counted."""

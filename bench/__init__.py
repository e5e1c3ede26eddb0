"""Benchmarks: this house against its peers, on this machine. ``python -m bench`` runs them."""

import os

# Before lancedb is loaded; its own hybrid search warns in every query.
os.environ.setdefault("LANCEDB_LOG", "error")  # noqa: TID251  # for the peer, no setting of ours

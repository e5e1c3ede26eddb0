"""Benchmarks: this house against its peers, on this machine. ``python -m bench`` runs them."""

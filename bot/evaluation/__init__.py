"""Configurations measured side by side on golden sets: runs, scores, comparison, report."""

"""Documents in, passages out: sources, index, retrieval and reading. Knows nothing of Slack."""

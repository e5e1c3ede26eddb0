"""Feedback in, brand voice out: ledger, voice and responders. Knows nothing of Slack."""

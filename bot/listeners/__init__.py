"""One file per Slack surface; each only translates and submits."""

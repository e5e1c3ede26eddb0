"""The program: the Slack bot, its command line and its local workspace."""

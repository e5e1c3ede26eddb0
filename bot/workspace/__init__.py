"""A local Slack workspace for the demo and the tests.

One process speaks Slack's Web API and Socket Mode over loopback, and serves a page on which
a visitor can be any of the invented people. Everything but ``server`` and ``running`` is
synchronous state without I/O: clock, ids and faults are handed in.

Known simplifications: one app; no files, search, workflows, scheduled messages, streams,
agent sessions, app home, HTTP mode or ``debug_reconnects``; modals are a stack of one.
"""

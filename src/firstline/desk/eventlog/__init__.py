"""Event logs of other incident systems: read, replayed through the ordinary actions, compared with what they say.

`log.py` says what a log is, `uci.py` reads one shape of it (pure), `names.py` makes the people, groups, categories and
codes that it names, `replay.py` imports it, `figures.py` compares the outcome with the log's own counters.
"""

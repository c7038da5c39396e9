"""The selftest: one synthetic incident through all eight stages, by the public ways in.

`fixtures.py` makes what is synthetic once, `browser.py` speaks HTTP, `stages.py` takes the steps and looks.
"""

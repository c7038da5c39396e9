"""Firstline: incident management from the first signal to the rated closure."""

__version__ = "0.1.0"

"""Reads of the APIs that Firstline stands in for: asked by a source with its own token, limited to that source."""

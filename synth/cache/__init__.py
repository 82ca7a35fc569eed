"""Caches that are addressed by content: a hit is as good as a run, and nothing is invalidated."""

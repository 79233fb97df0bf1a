"""Runs any program as a run: its parent, its console, and the honest word on how it ended."""

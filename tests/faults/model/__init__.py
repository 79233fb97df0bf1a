"""The model-based test: what it does to a run, what it expects, and who compares the two."""

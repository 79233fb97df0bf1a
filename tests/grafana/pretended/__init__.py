"""On the demo's import path: what it pretends to have installed."""

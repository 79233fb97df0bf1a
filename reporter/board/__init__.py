"""The shared memory between a Reporter and its sender: board, ring and messages."""

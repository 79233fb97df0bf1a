"""Readings of the training process, its host and its GPUs, by threads of the sender."""

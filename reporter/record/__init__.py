"""The run folder: written by one sender, read by anybody, recovered after any death."""

"""The training processes of the demo."""

"""The soak: many runs, many kills, a gateway that comes and goes; then everything is counted."""

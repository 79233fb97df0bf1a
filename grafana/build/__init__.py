"""Builds the dashboards and rules from the names in `reporter.names`."""

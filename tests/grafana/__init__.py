"""Dashboards and rules, held against real programs and real data."""

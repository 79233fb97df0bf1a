"""Checks the dashboards that are committed: the public linter's rules, and ours.

python -m grafana.lint            # say what is wrong, exit code 1
"""

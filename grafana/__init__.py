"""What makes and checks the files for Grafana and Prometheus. Only what it makes is shipped."""

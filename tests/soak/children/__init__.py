"""What the soak runs in processes of their own."""

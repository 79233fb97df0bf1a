"""What the cloud says of the machine, asked at its metadata address by a thread of the sender."""

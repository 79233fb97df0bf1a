"""`python -m reporter.cli`, for where the command itself is not on the path."""

import sys

from reporter.cli import main

sys.exit(main())

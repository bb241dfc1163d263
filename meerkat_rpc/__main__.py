"""``python -m meerkat_rpc``."""

import sys

from meerkat_rpc.cli import main

sys.exit(main())

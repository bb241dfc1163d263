"""What a module drags in."""

import subprocess
import sys

from tests.unmeasured import unmeasured


def packages_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has loaded after ``statement``.

    Without coverage's measuring of child processes, which would load modules of its own.
    """
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], env=unmeasured(), capture_output=True, text=True, check=True)
    return set(done.stdout.split())

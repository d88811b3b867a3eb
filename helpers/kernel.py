"""``python -m helpers.kernel``: what every kernel of this environment starts with.

Writes ``etc/ipython/ipython_kernel_config.py`` into the environment that runs it, where no reader's
own settings are touched. It is read before the first cell, so before torch is loaded.
"""

import sys
from pathlib import Path

#: How often a thread of libgomp's that has nothing to do looks again before it gives its core away.
#: Without a bound it looks on, and where another program wants the core, a product of a millisecond
#: then lasts as long as a time slice. With this one an idle machine is nearly as fast.
SPIN_COUNT = 100_000

CONFIG = f"""import os

# Threads that wait give their core away after a while; read when torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "{SPIN_COUNT}")
# The kernel says at every start that it does not encrypt what it sends to this same machine.
c.IPKernelApp.log_level = "CRITICAL"
"""


def write(prefix: str | Path = sys.prefix) -> Path:
    """Write the configuration under ``prefix``, an environment's folder; returns the file."""
    target = Path(prefix) / "etc" / "ipython" / "ipython_kernel_config.py"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(CONFIG, encoding="utf-8")
    return target


if __name__ == "__main__":
    write()

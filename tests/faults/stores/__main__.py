"""``python -m tests.faults.stores``: write the store of this version, to be kept with the release."""

from tests.faults.stores.released import write

print(write())

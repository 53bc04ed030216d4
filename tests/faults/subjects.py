"""The servers the faults are injected into: noded first, then its peers."""
from harness import Noded

KINDS = [Noded]

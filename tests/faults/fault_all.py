"""Registers every fault: each fault_*.py beside this file."""
import importlib
import pathlib

for path in sorted(pathlib.Path(__file__).parent.glob("fault_*.py")):
    if path.stem != "fault_all":
        importlib.import_module(path.stem)

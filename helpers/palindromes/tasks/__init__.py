"""The tasks of the study, each one object in one file (:class:`helpers.recurrent.task.Task`).

A file of this folder is found by itself; the study finds a task by its ``name`` in :data:`TASKS`.
"""

import importlib
import pkgutil

from helpers.recurrent.task import TASKS, find_task

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["TASKS", "find_task"]

"""An import that waits until it is needed."""

import importlib
import importlib.util
import sys
import types

_GRAMMAR = "rfc3987_syntax"


def addresses_late() -> None:
    """Let this process parse the grammar of international addresses when one is checked.

    Before nbformat, papermill or nbconvert are imported. All of them import jsonschema, which
    imports that grammar for its formats ``iri`` and ``iri-reference``: two seconds in every
    process, and no notebook's schema has such a format.
    """
    spec = None if _GRAMMAR in sys.modules else importlib.util.find_spec(_GRAMMAR)
    if spec is not None:
        sys.modules[_GRAMMAR] = _Late(spec)


class _Late(types.ModuleType):
    """Stands in for a package until any of it is used."""

    def __init__(self, spec):
        super().__init__(spec.name)
        self.__spec__, self.__path__ = spec, spec.submodule_search_locations

    def is_valid_syntax(self, term: str, value: str) -> bool:
        return self._real().is_valid_syntax(term, value)

    def __getattr__(self, name: str):
        return getattr(self._real(), name)

    def _real(self) -> types.ModuleType:
        name = self.__spec__.name
        if sys.modules.get(name) is self:
            del sys.modules[name]
        return importlib.import_module(name)

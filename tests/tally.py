"""How the tries of an attack came out."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """What the tries of an attack came to; ``bad`` says which did not come out well."""

    told: int = 0
    harmless: int = 0
    unnamed: int = 0
    silent: int = 0
    bad: list[str] = field(default_factory=list)

    @property
    def tries(self) -> int:
        return self.told + self.harmless + self.unnamed + self.silent

    def judge(self, what: str, name: str, act: Callable, is_right: Callable) -> None:
        """Call ``act``; told if it raises a ValueError or OSError that says ``name``."""
        try:
            found = act()
        except (ValueError, OSError) as error:
            if name in str(error):
                self.told += 1
            else:
                self._bad("unnamed", what, error)
        except Exception as error:
            self._bad("unnamed", what, error)
        else:
            if is_right(found):
                self.harmless += 1
            else:
                self._bad("silent", what, found)

    def count(self, what: str, right: bool, found: object = "") -> None:
        """A try that is either told as it should be, or not."""
        if right:
            self.told += 1
        else:
            self._bad("silent", what, found)

    def _bad(self, kind: str, what: str, found: object) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        self.bad.append(f"{kind}: {what}: {type(found).__name__}: {str(found)[:150]}")

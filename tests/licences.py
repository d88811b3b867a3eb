"""``python -m tests.licences``, or ``make licences``: the licence of every locked package.

Read from the metadata that the packages brought with them; nothing is fetched. The exit status is 1
if one of them does not say, or is not installed in the locked version.
"""

import re
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, metadata

from helpers.paths import ROOT

UNKNOWN = "UNKNOWN"
#: A field that should hold a name at times holds the whole text of the licence.
_LONGEST = 60
#: Which licences those texts, and files beside the metadata, begin with.
_TEXTS = {
    r"\bMIT License|Permission is hereby granted, free of charge": "MIT",
    r"\bApache License": "Apache-2.0",
    r"\bBSD 3-Clause|Neither the name": "BSD-3-Clause",
    r"\bBSD 2-Clause|Redistribution and use in source and binary forms": "BSD-2-Clause",
    r"\bMozilla Public License": "MPL-2.0",
}


def locked() -> dict[str, str]:
    """Package -> its version in the lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


def licence(package: str) -> str:
    """What a package's metadata say: an expression, a short field, classifiers, or a known text."""
    said = metadata(package)
    field = (said.get("License") or "").strip()
    classifiers = [
        name.rsplit(" :: ", 1)[-1]
        for name in said.get_all("Classifier") or []
        if name.startswith("License ::") and not name.endswith("OSI Approved")
    ]
    if said.get("License-Expression"):
        return said["License-Expression"]
    if field and len(field) <= _LONGEST and "\n" not in field and field.upper() != UNKNOWN:
        return field
    if classifiers:
        return " and ".join(classifiers)
    texts = (name for pattern, name in _TEXTS.items() if re.search(pattern, field))
    return next(texts, UNKNOWN)


def main() -> int:
    rows, wrong = [], []
    for package, version in locked().items():
        try:
            there = metadata(package)["Version"].split("+")[0]
            rows.append((package, version, licence(package)))
        except PackageNotFoundError:
            there = None
            rows.append((package, version, "not installed here"))
        if there != version or rows[-1][2] == UNKNOWN:
            wrong.append(package)
    width = max(len(package) for package, *_ in rows)
    for package, version, name in rows:
        print(f"{package:{width}}  {version:16}  {name}")
    print()
    for name, count in Counter(name for *_, name in rows).most_common():
        print(f"{count:4}  {name}")
    if wrong:
        print(f"\nWithout a licence, or not as locked: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

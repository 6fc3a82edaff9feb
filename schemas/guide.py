#!/usr/bin/env python3
"""Writes fhir/guide.ndjson, our profiles and terminology as FHIR R4 resources, one a line.

    python3 schemas/guide.py

Standard library only; the same bytes on every machine. The tables below are the source: what a profile asks is what every
reader is given, whatever is withheld from them, so it holds for each resource that leaves the gateway. Tests validate
everything emitted against these profiles and hold the codes against those of the program.
"""
import json
import os

BASE = 'https://mylife.example/fhir'
FHIR = 'http://hl7.org/fhir'
FINNISH = 'https://hl7.fi/fhir/finnish-base-profiles'
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fhir', 'guide.ndjson')
WORDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'questionnaires.json')
VERSION, DATE = '0.1.0', '2026-11-22'


def conformance(kind, name, title, description, /, **more):
    ident = more.pop('id')
    text = f'{title}. {description}'.replace('&', '&amp;').replace('<', '&lt;')
    return {'resourceType': kind, 'id': ident, 'language': 'en',
            'text': {'status': 'generated', 'div': f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>'},
            'url': f'{BASE}/{kind}/{ident}', 'version': VERSION, 'name': name, 'title': title, 'status': 'active',
            'experimental': False, 'date': DATE, 'publisher': 'My Life gateway', 'description': description, **more}


# Every resource leaves with these; a narrative too, of what the reader sees of it.
FRAME = [('meta', 1, None, {}), ('meta.profile', 1, None, {}), ('language', 1, None, {}), ('text', 0, '1', {})]
PERSON = ('subject', 1, None, {'type': [{'code': 'Reference', 'targetProfile': [f'{BASE}/StructureDefinition/mylife-patient']}]})


def fixed(value):
    return {'patternCode': value}


def concept(system, code):
    return {'patternCodeableConcept': {'coding': [{'system': system, 'code': code}]}}


def bound(name, strength='required'):
    return {'binding': {'strength': strength, 'valueSet': f'{BASE}/ValueSet/{name}'}}


def extension(url):
    return {'sliceName': url.rsplit('/', 1)[-1], 'type': [{'code': 'Extension', 'profile': [url]}]}


PLAN = f'{BASE}/CodeSystem/plan'
PROFILES = {
    'Patient': ('A person of whom this gateway holds something. Name, birth date and identifiers are there if the reader may see '
                'them; the identity code is an identifier of the type NNFIN, as in the Finnish base profile.',
                [('extension', 0, '1', extension(f'{FINNISH}/StructureDefinition/municipality-code')),
                 ('identifier.system', 1, None, {})]),
    'RelatedPerson': ('Who acts for a person: a guardian or a delegatee.', [('patient.reference', 1, None, {})]),
    'Questionnaire': ('A form of the 3X10D survey: items of satisfaction and importance from 0 to 10, and own words.',
                      [('url', 1, None, {}), ('version', 1, None, {}), ('title', 1, None, {}), ('copyright', 1, None, {}),
                       ('item', 1, None, {}), ('subjectType', 1, None, fixed('Patient'))]),
    'QuestionnaireResponse': ('A life assessment, as far as the reader may see it. A skipped item is absent, never 0; there is no '
                              'total score.',
                              [('extension', 0, '1', extension(f'{BASE}/StructureDefinition/answered-by')),
                               ('identifier', 1, None, {}), ('questionnaire', 1, None, {}), PERSON,
                               ('item', 1, None, {})]),
    'Observation': ('Satisfaction with or importance of one theme, 0 to 10, derived from an assessment.',
                    [('category', 1, None, concept('http://terminology.hl7.org/CodeSystem/observation-category', 'survey')),
                     ('code', 1, None, bound('3x10d')), PERSON, ('effective[x]', 1, None, {'type': [{'code': 'dateTime'}]}),
                     ('value[x]', 1, None, {'type': [{'code': 'integer'}]}), ('derivedFrom', 0, '1', {})]),
    'CarePlan': ('A welfare plan made together with the person.',
                 [('extension', 0, '1', extension(f'{BASE}/StructureDefinition/plan-title')), ('identifier', 1, None, {}),
                  ('intent', 1, None, fixed('plan')), ('category', 1, None, concept(PLAN, 'welfare-plan')), PERSON]),
    'Goal': ("A goal of a plan: the person's own words are the text of its description, its themes the codings.",
             [('category', 1, None, bound('theme')), ('subject', 1, None, {}),
              ('target.measure', 0, '1', bound('3x10d'))]),
    'ServiceRequest': ('A service in a plan: planned until a decision makes it an order.',
                       [PERSON]),
    'Task': ('An action of a plan, the follow-up of it, or what somebody proposes about a plan that another keeps: a change, or '
             'the hand-over of its case management.',
             [('for', 1, None, {}), ('code', 0, '1', {})]),
    'CareTeam': ('Who works on a plan with the person, and who of them answers for it.',
                 [('category', 1, None, concept(PLAN, 'welfare-team')), PERSON, ('participant.role', 0, '1', {})]),
    'Consent': ('A grant or a prohibition, in the one form that this gateway reads without doubt.',
                [('patient', 1, None, {}), ('scope', 1, None, {}), ('provision', 1, None, {})]),
    'Provenance': ('Where an assessment or a plan comes from.', [('agent', 1, None, {}), ('recorded', 1, None, {})]),
    'AuditEvent': ('Who saw what of a person, why, and by which consent or law.',
                   [('recorded', 1, None, {}), ('agent', 1, None, {}), ('source', 1, None, {})]),
    'Organization': ('An organisation of the directory.', [('identifier', 1, None, {}), ('identifier.value', 1, None, {}),
                                                          ('active', 1, None, {}), ('name', 1, None, {})]),
    'Practitioner': ('A professional of the directory.', [('name', 1, None, {}), ('name.text', 1, None, {})]),
    'PractitionerRole': ('For whom a professional works.', [('practitioner', 1, None, {}), ('organization', 1, None, {})]),
    'HealthcareService': ('A unit that gives a service.', [('name', 1, None, {}), ('providedBy', 1, None, {})]),
    'Location': ('A place of the directory.', [('name', 1, None, {}), ('managingOrganization', 1, None, {})]),
}
EXTENSIONS = {
    'plan-title': ('CarePlan', 'string', "The person's own title of the plan, which only who may see own words is given."),
    'answered-by': ('QuestionnaireResponse', 'code', 'Who gave the answers, where it is not the person: representative, or professional '
                    'as told by the person.'),
    'collective-plan-theme': ('Reference', 'Coding', 'A theme of a line of the collective plan.'),
    'collective-plan-owner': ('Reference', 'Reference', 'Whose plan a line of the collective plan is from.'),
    'collective-plan-status': ('Reference', 'code', 'The state of a line of the collective plan, in the words of its resource.'),
}


def camel(name):
    return ''.join(part[:1].upper() + part[1:] for part in name.replace('x10d', 'X10D').split('-'))


def element(kind, path, least, most, more):
    item = {'id': f'{kind}.{path}' + (f':{more["sliceName"]}' if 'sliceName' in more else ''), 'path': f'{kind}.{path}'}
    if 'sliceName' in more:
        item['sliceName'] = more['sliceName']
    item['min'] = least
    if most:
        item['max'] = most
    order = ('type', 'patternCode', 'patternCodeableConcept')
    item.update({key: more[key] for key in order if key in more})
    item['mustSupport'] = True
    if 'binding' in more:
        item['binding'] = more['binding']
    return item


def profile(kind):
    description, own = PROFILES[kind]
    elements = [{'id': kind, 'path': kind}]
    rows = sorted(FRAME + own, key=lambda row: ORDER.get(row[0].split('.')[0].removesuffix('[x]'), 9))
    for path, least, most, more in rows:
        if 'sliceName' in more:
            elements.append({'id': f'{kind}.{path}', 'path': f'{kind}.{path}',
                             'slicing': {'discriminator': [{'type': 'value', 'path': 'url'}], 'rules': 'open'}})
        elements.append(element(kind, path, least, most, more))
    return conformance('StructureDefinition', f'MyLife{kind}', f'My Life {kind}', description,
                       id=f'mylife-{kind.lower()}', fhirVersion='4.0.1', kind='resource', abstract=False, type=kind,
                       baseDefinition=f'{FHIR}/StructureDefinition/{kind}', derivation='constraint',
                       differential={'element': elements})


ORDER = {'meta': 0, 'language': 1, 'text': 2, 'extension': 3}


def extension_definition(name):
    context, kind, description = EXTENSIONS[name]
    url = f'{BASE}/StructureDefinition/{name}'
    elements = [{'id': 'Extension', 'path': 'Extension', 'short': description, 'definition': description},
                {'id': 'Extension.extension', 'path': 'Extension.extension', 'max': '0'},
                {'id': 'Extension.url', 'path': 'Extension.url', 'fixedUri': url},
                {'id': 'Extension.value[x]', 'path': 'Extension.value[x]', 'min': 1, 'type': [{'code': kind}]}]
    return conformance('StructureDefinition', camel(name), name.replace('-', ' ').capitalize(), description, id=name,
                       fhirVersion='4.0.1', kind='complex-type', abstract=False, context=[{'type': 'element', 'expression': context}],
                       type='Extension', baseDefinition=f'{FHIR}/StructureDefinition/Extension', derivation='constraint',
                       differential={'element': elements})


# code: English, Finnish, Swedish
SYSTEMS = {
    'class': ('Withheld classes', 'Labels that no permit covers unless it names them.', {
        'free-text': ('own words', 'omat sanat', 'egna ord'),
        'contact': ('contact details', 'yhteystiedot', 'kontaktuppgifter'),
        'mental-health': ('mental health care', 'mielenterveyspalvelut', 'mentalvård'),
        'substance-use': ('substance use care', 'päihdepalvelut', 'missbrukarvård'),
        'child-protection': ('child protection', 'lastensuojelu', 'barnskydd')}),
    'plan': ('Plans', 'Sorts of plans and what is in them, and roles of those who work on one.', {
        'welfare-plan': ('welfare plan', 'hyvinvointisuunnitelma', 'välfärdsplan'),
        'collective-plan': ('collective plan', 'yhteinen suunnitelma', 'gemensam plan'),
        'welfare-team': ('team of a plan', 'suunnitelman tiimi', 'planens team'),
        'action': ('action', 'toimenpide', 'åtgärd'),
        'follow-up': ('follow-up', 'seuranta', 'uppföljning'),
        'proposal': ('proposed change', 'muutosehdotus', 'ändringsförslag'),
        'hand-over': ('hand-over of case management', 'vastuutyöntekijän vaihto', 'byte av ansvarig kontaktperson'),
        'service': ('proposed service', 'ehdotettu palvelu', 'föreslagen tjänst'),
        'carried-out': ('what came of a proposal', 'ehdotuksen tulos', 'resultat av förslaget'),
        'case-manager': ('case manager', 'vastuutyöntekijä', 'ansvarig kontaktperson'),
        'own-worker': ('own worker', 'omatyöntekijä', 'egen kontaktperson'),
        'professional': ('professional', 'ammattilainen', 'yrkesutbildad person'),
        'experience-expert': ('expert by experience', 'kokemusasiantuntija', 'erfarenhetsexpert'),
        'helper': ('volunteer', 'vapaaehtoinen', 'frivillig')}),
    'completeness': ('Completeness', 'Whether a source answered in full.', {
        'complete': ('complete', 'täydellinen', 'fullständig'),
        'partial': ('partial', 'osittainen', 'delvis'),
        'not-reached': ('not reached', 'ei tavoitettu', 'inte nådd')}),
    'collective-plan-finding': ('Findings of the collective plan', 'What does not fit together in all plans of a person.', {
        'case-managers': ('several case managers', 'useita vastuutyöntekijöitä', 'flera ansvariga'),
        'conflicting-targets': ('conflicting targets', 'ristiriitaiset tavoitetasot', 'motstridiga mål'),
        'conflicting-dates': ('conflicting dates', 'ristiriitaiset ajat', 'motstridiga datum'),
        'gap': ('gap', 'aukko', 'lucka'),
        'overlapping-goals': ('overlapping goals', 'päällekkäiset tavoitteet', 'överlappande mål'),
        'overlapping-services': ('overlapping services', 'päällekkäiset palvelut', 'överlappande tjänster'),
        'orphaned-service': ('service without a goal', 'palvelu ilman tavoitetta', 'tjänst utan mål')}),
    'explained': ('Explained data', 'What of a person an explanation is about, beside themes and classes.', {
        'unclassified': ('unclassified', 'luokittelematon', 'oklassificerad'),
        'records': ('records', 'asiakirjat', 'handlingar')}),
}
FACETS = {'satisfaction': ('satisfaction', 'tyytyväisyys', 'nöjdhet'), 'importance': ('importance', 'tärkeys', 'viktighet'),
          'future': ('future', 'tulevaisuus', 'framtid'), 'comment': ('comment', 'kommentti', 'kommentar')}
# AuroraAI's national IRIs of the ten meters.
AURORA = {'studies-work': 'working_studying', 'family': 'family', 'health': 'health', 'friends': 'friends',
          'personal-development': 'improvement_of_strengths', 'housing': 'housing', 'finance': 'finance',
          'life-satisfaction': 'life_satisfaction', 'self-esteem': 'self_esteem', 'resilience': 'resilience'}


def system(name, title, description, codes):
    concepts = [{'code': code, 'display': english,
                 'designation': [{'language': 'fi', 'value': finnish}, {'language': 'sv', 'value': swedish}]}
                for code, (english, finnish, swedish) in codes.items()]
    return conformance('CodeSystem', f'MyLife{camel(name)}', title, description, id=name, caseSensitive=True, content='complete',
                       valueSet=f'{BASE}/ValueSet/{name}', count=len(concepts), concept=concepts)


def value_set(name, title):
    return conformance('ValueSet', f'MyLife{camel(name)}Codes', f'{title}: all codes', f'All codes of the code system {name}.', id=name,
                       compose={'include': [{'system': f'{BASE}/CodeSystem/{name}'}]})


def concept_map():
    elements = [{'code': theme, 'target': [{'code': iri, 'equivalence': 'equivalent'}]} for theme, iri in AURORA.items()]
    return conformance('ConceptMap', 'MyLifeThemeToAuroraAI', 'Themes as meters of AuroraAI',
                       "Our ten themes and the terms of AuroraAI's life situation meters.", id='theme-auroraai',
                       sourceUri=f'{BASE}/ValueSet/theme',
                       group=[{'source': f'{BASE}/CodeSystem/theme', 'target': 'http://uri.suomi.fi/datamodel/ns/aurora-att#',
                               'element': elements}])


def parameter(name, use, kind, least, most, say):
    return {'name': name, 'use': use, 'min': least, 'max': most, 'documentation': say, 'type': kind}


OPERATIONS = {
    'Patient-circle-of-life': ('CircleOfLifeOfPatient', 'Patient', 'circle-of-life', False,
                               'The Circle of Life of the latest assessment, or of those of two days.',
                               [parameter('date', 'in', 'date', 0, '1', 'The assessment of this day or before.'),
                                parameter('compare', 'in', 'date', 0, '1', 'Another day to lay beside it.'),
                                parameter('return', 'out', 'Any', 1, '1', 'A picture, a page, or Parameters.')]),
    'QuestionnaireResponse-circle-of-life': ('CircleOfLife', 'QuestionnaireResponse', 'circle-of-life', False,
                                             'The Circle of Life of one assessment.',
                                             [parameter('return', 'out', 'Any', 1, '1', 'A picture, a page, or Parameters.')]),
    'Patient-collective-plan': ('CollectivePlan', 'Patient', 'collective-plan', False,
                                'All released plans of a person side by side, with what does not fit together.',
                                [parameter('return', 'out', 'Bundle', 1, '1', 'The plan, its lines and the findings.')]),
    'Questionnaire-populate': ('Populate', 'Questionnaire', 'populate', False,
                               'A form with the answers of the latest assessment that may be seen, to be answered anew.',
                               [parameter('subject', 'in', 'Reference', 1, '1', 'The Patient.'),
                                parameter('response', 'out', 'QuestionnaireResponse', 1, '1', 'The form, in progress.'),
                                parameter('issues', 'out', 'OperationOutcome', 0, '1', 'Which gateways have not answered.')]),
    'QuestionnaireResponse-extract': ('Extract', 'QuestionnaireResponse', 'extract', False,
                                      'The Observations of an assessment that may be seen.',
                                      [parameter('return', 'out', 'Bundle', 0, '1', 'A transaction that puts them into another server.'),
                                       parameter('issues', 'out', 'OperationOutcome', 0, '1', 'That there is none.')]),
    'Patient-explain': ('Explain', 'Patient', 'explain', False,
                        'What a caller would be permitted to see of a person, class by class, and by which consent or law.',
                        [parameter('return', 'out', 'Parameters', 1, '1', 'The decision for each class.')]),
    'Consent-import': ('ImportConsent', 'Consent', 'import', True, 'Writes a Consent of another form, read conservatively.',
                       [parameter('resource', 'in', 'Consent', 1, '1', 'The Consent.'),
                        parameter('return', 'out', 'Consent', 1, '1', 'What was written.')]),
    'Consent-receipt': ('ConsentReceipt', 'Consent', 'receipt', False, "The citizen's receipt of a Consent.",
                        [parameter('return', 'out', 'Any', 1, '1', 'The receipt, to be kept or printed.')]),
}


def operation(name):
    title, kind, code, on_type, description, parameters = OPERATIONS[name]
    more = {'affectsState': True} if code == 'import' else {}
    return conformance('OperationDefinition', title, f'${code} of {kind}', description, id=name, kind='operation', **more, code=code,
                       resource=[kind], system=False, type=on_type, instance=not on_type, parameter=parameters)


def survey():
    with open(WORDS, encoding='utf-8') as file:
        words = json.load(file)['themes']
    themes = {word['code']: tuple(word['name'][language] for language in ('en', 'fi', 'sv')) for word in words}
    items = {f'{theme}.{facet}': tuple(f'{a}: {b}' for a, b in zip(word, names))
             for theme, word in themes.items() for facet, names in FACETS.items()}
    return themes, items


def resources():
    themes, items = survey()
    systems = {'theme': ('Themes', 'The ten themes of the 3X10D survey.', themes),
               '3x10d': ('Items of 3X10D', 'Themes by viewpoint.', items), **SYSTEMS}
    yield from (profile(kind) for kind in sorted(PROFILES))
    yield from (extension_definition(name) for name in EXTENSIONS)
    for name, (title, description, codes) in systems.items():
        yield system(name, title, description, codes)
        yield value_set(name, title)
    yield concept_map()
    yield from (operation(name) for name in OPERATIONS)


def main():
    with open(OUT, 'w', encoding='utf-8', newline='\n') as file:
        for resource in resources():
            file.write(json.dumps(resource, ensure_ascii=False, separators=(',', ':')) + '\n')
    print(f'{OUT}: {os.path.getsize(OUT)} bytes')


if __name__ == '__main__':
    main()

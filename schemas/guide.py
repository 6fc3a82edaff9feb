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
EXAMPLES = os.path.join(os.path.dirname(OUT), 'examples.ndjson')
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
BARE = [('meta', 1, None, {}), ('meta.profile', 1, None, {}), ('language', 1, None, {})]
FRAME = [*BARE, ('text', 0, '1', {})]
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
                       [PERSON, ('category', 0, None, bound('theme'))]),
    'Task': ('An action of a plan, the follow-up of it, or what somebody proposes about a plan that another keeps: a change, or '
             'the hand-over of its case management. Also the review of an access in an emergency, for who reviews it.',
             [('for', 1, None, {}), ('code', 0, '1', bound('task')), ('input.type', 0, None, bound('task-detail')),
              ('output.type', 0, None, bound('task-detail'))]),
    'CareTeam': ('Who works on a plan with the person, and who of them answers for it.',
                 [('category', 1, None, concept(PLAN, 'welfare-team')), PERSON, ('participant.role', 0, '1', bound('team-role'))]),
    'Consent': ('A grant or a prohibition, in the one form that this gateway reads without doubt.',
                [('patient', 1, None, {}), ('scope', 1, None, {}), ('provision', 1, None, {})]),
    'Provenance': ('Where an assessment or a plan comes from.', [('agent', 1, None, {}), ('recorded', 1, None, {})]),
    'MeasureReport': ('How many people are in each cell of an outcome indicator: rounded, or masked where they are few.',
                      [('contained', 1, '1', {}), ('extension', 1, '1', extension(f'{BASE}/StructureDefinition/report-sources')),
                       ('type', 1, None, fixed('summary')), ('date', 1, None, {}), ('group', 10, '10', {})]),
    'AuditEvent': ('Who saw what of a person, why, and by which consent or law.',
                   [('recorded', 1, None, {}), ('agent', 1, None, {}), ('source', 1, None, {})]),
    'Organization': ('An organisation of the directory.', [('identifier', 1, None, {}), ('identifier.value', 1, None, {}),
                                                          ('active', 1, None, {}), ('name', 1, None, {})]),
    'Practitioner': ('A professional of the directory.', [('name', 1, None, {}), ('name.text', 1, None, {})]),
    'PractitionerRole': ('For whom a professional works.', [('practitioner', 1, None, {}), ('organization', 1, None, {})]),
    'HealthcareService': ('A unit that gives a service.', [('name', 1, None, {}), ('providedBy', 1, None, {})]),
    'Location': ('A place of the directory.', [('name', 1, None, {}), ('managingOrganization', 1, None, {})]),
}
# What is made for one answer and kept nowhere.
MADE = {
    'collective-plan': ('CarePlan', 'Everything that is planned with a person, from every gateway, as one plan.',
                        [('text', 1, '1', {}), ('intent', 1, None, fixed('plan')), ('category', 1, None, concept(PLAN, 'collective-plan')),
                         ('subject', 1, None, {}), ('created', 1, None, {})]),
    'collective-plan-finding': ('DetectedIssue', 'What does not fit together in the plans of a person.',
                                [('text', 1, '1', {}), ('code', 1, None, bound('collective-plan-finding')), ('patient', 1, None, {}),
                                 ('identified[x]', 1, None, {'type': [{'code': 'dateTime'}]}), ('detail', 1, None, {})]),
    'explanations': ('Parameters', 'What a caller would be permitted to see of a person at each gateway that was asked.',
                     [('parameter', 1, None, {})]),
    'explanation': ('Parameters', 'What a caller would be permitted to see of a person, class by class, and by which consent or law.',
                    [('parameter', 1, None, {})]),
    'circle-of-life': ('Parameters', 'The Circle of Life as numbers, theme by theme.', [('parameter', 1, None, {})]),
}
EXTENSIONS = {
    'plan-title': ('CarePlan', 'string', "The person's own title of the plan, which only who may see own words is given."),
    'answered-by': ('QuestionnaireResponse', 'code', 'Who gave the answers, where it is not the person: representative, or professional '
                    'as told by the person.', 'answered-by'),
    'collective-plan-theme': ('Reference', 'Coding', 'A theme of a line of the collective plan.', 'theme'),
    'collective-plan-owner': ('Reference', 'Reference', 'Whose plan a line of the collective plan is from.'),
    'report-sources': ('MeasureReport', 'Reference', 'For which sources a report is complete: an OperationOutcome within it.'),
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


def profile(name, kind, description, rows):
    elements = [{'id': kind, 'path': kind}]
    rows = sorted(rows, key=lambda row: ORDER.get(row[0].split('.')[0].removesuffix('[x]'), 9))
    for path, least, most, more in rows:
        if 'sliceName' in more:
            elements.append({'id': f'{kind}.{path}', 'path': f'{kind}.{path}',
                             'slicing': {'discriminator': [{'type': 'value', 'path': 'url'}], 'rules': 'open'}})
        elements.append(element(kind, path, least, most, more))
    return conformance('StructureDefinition', f'MyLife{camel(name)}', f'My Life {name.replace("-", " ")}', description,
                       id=f'mylife-{name.lower()}', fhirVersion='4.0.1', kind='resource', abstract=False, type=kind,
                       baseDefinition=f'{FHIR}/StructureDefinition/{kind}', derivation='constraint',
                       differential={'element': elements})


def profiles():
    for kind in sorted(PROFILES):
        description, own = PROFILES[kind]
        yield profile(kind, kind, description, FRAME + own)
    for name, (kind, description, own) in MADE.items():
        yield profile(name, kind, description, BARE + own)


ORDER = {'meta': 0, 'language': 1, 'text': 2, 'extension': 3}


def extension_definition(name):
    context, kind, description, *codes = EXTENSIONS[name]
    url = f'{BASE}/StructureDefinition/{name}'
    elements = [{'id': 'Extension', 'path': 'Extension', 'short': description, 'definition': description},
                {'id': 'Extension.extension', 'path': 'Extension.extension', 'max': '0'},
                {'id': 'Extension.url', 'path': 'Extension.url', 'fixedUri': url},
                {'id': 'Extension.value[x]', 'path': 'Extension.value[x]', 'min': 1, 'type': [{'code': kind}],
                 **(bound(*codes) if codes else {})}]
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
    'plan': ('Plans', 'Sorts of plans and what is in them, and roles of those who work on one; what a Task is.', {
        'welfare-plan': ('welfare plan', 'hyvinvointisuunnitelma', 'välfärdsplan'),
        'collective-plan': ('collective plan', 'yhteinen suunnitelma', 'gemensam plan'),
        'welfare-team': ('team of a plan', 'suunnitelman tiimi', 'planens team'),
        'action': ('action', 'toimenpide', 'åtgärd'),
        'follow-up': ('follow-up', 'seuranta', 'uppföljning'),
        'proposal': ('proposed change', 'muutosehdotus', 'ändringsförslag'),
        'hand-over': ('hand-over of case management', 'vastuutyöntekijän vaihto', 'byte av ansvarig kontaktperson'),
        'service': ('proposed service', 'ehdotettu palvelu', 'föreslagen tjänst'),
        'carried-out': ('what came of a proposal', 'ehdotuksen tulos', 'resultat av förslaget'),
        'emergency-review': ('review of an access in an emergency', 'hätätilassa tapahtuneen käytön tarkastus',
                             'granskning av användning i nödläge'),
        'access': ('access to be reviewed', 'tarkastettava käyttö', 'användning som ska granskas'),
        'finding': ('finding of a review', 'tarkastuksen tulos', 'granskningens resultat'),
        'justified': ('justified', 'aiheellinen', 'befogad'),
        'unjustified': ('unjustified', 'aiheeton', 'obefogad'),
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
    'indicator': ('Outcome indicators', 'Into which class a person falls as to one theme, and by what people are told apart.', {
        'unsatisfied': ('unsatisfied: 0 to 3 of 10', 'tyytymätön: 0–3 / 10', 'missnöjd: 0–3 av 10'),
        'between': ('in between: 4 to 6', 'siltä väliltä: 4–6', 'däremellan: 4–6'),
        'satisfied': ('satisfied: 7 to 10', 'tyytyväinen: 7–10', 'nöjd: 7–10'),
        'worse': ('less satisfied than at first', 'tyytymättömämpi kuin alussa', 'mindre nöjd än först'),
        'same': ('as satisfied as at first', 'yhtä tyytyväinen kuin alussa', 'lika nöjd som först'),
        'better': ('more satisfied than at first', 'tyytyväisempi kuin alussa', 'nöjdare än först'),
        'municipality': ('municipality', 'kunta', 'kommun'),
        'county': ('wellbeing services county', 'hyvinvointialue', 'välfärdsområde'),
        'age-group': ('age group', 'ikäryhmä', 'åldersgrupp')}),
    'age-group': ('Age groups', 'Age on the last day of the year.', {
        '0-17': ('0 to 17 years', '0–17 vuotta', '0–17 år'),
        '18-29': ('18 to 29 years', '18–29 vuotta', '18–29 år'),
        '30-44': ('30 to 44 years', '30–44 vuotta', '30–44 år'),
        '45-64': ('45 to 64 years', '45–64 vuotta', '45–64 år'),
        '65-': ('65 years or more', '65 vuotta tai enemmän', '65 år eller mer')}),
    'answered-by': ('Who answered', 'Who gave the answers of an assessment, where it is not the person.', {
        'representative': ('representative', 'edustaja', 'företrädare'),
        'professional': ('professional, as told by the person', 'ammattilainen henkilön kertoman mukaan',
                         'yrkesutbildad person, enligt personens berättelse')}),
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


# Systems whose codes each gateway has of its own configuration.
ELSEWHERE = {
    'healthcare-service': ('Services', 'Ids of the HealthcareServices in the directory of a gateway.'),
    'register': ('Registers', 'Registers as the law divides them, as labels of a Consent.'),
    'service-task': ('Service tasks', 'Service tasks, as labels of a Consent.'),
    'role': ('Roles of users', 'Roles that a client states for its user, as the law table of a gateway names them.'),
}


def elsewhere(name):
    title, description = ELSEWHERE[name]
    return conformance('CodeSystem', f'MyLife{camel(name)}', title, description, id=name, caseSensitive=True, content='not-present')


# Some codes of a system: title, system, codes.
SUBSETS = {
    'team-role': ('Roles in the team of a plan', 'plan', ('case-manager', 'own-worker', 'professional', 'experience-expert', 'helper')),
    'task': ('What a Task is of a plan', 'plan', ('action', 'follow-up', 'proposal', 'hand-over', 'emergency-review')),
    'task-detail': ('What a proposal or a review is about, and what came of it', 'plan',
                    ('service', 'case-manager', 'carried-out', 'access', 'finding')),
}


def subset(name):
    title, of, codes = SUBSETS[name]
    words = SYSTEMS[of][2]
    concepts = [{'code': code, 'display': words[code][0]} for code in codes]
    return conformance('ValueSet', f'MyLife{camel(name)}Codes', title, f'Some codes of the code system {of}.', id=name,
                       compose={'include': [{'system': f'{BASE}/CodeSystem/{of}', 'concept': concepts}]})


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
    'QuestionnaireResponse-extract': ('Extract', 'QuestionnaireResponse', 'extract', True,
                                      'The Observations of an assessment: of one that is held, those that may be seen; of one that is '
                                      'sent, all that come of it.',
                                      [parameter('questionnaire-response', 'in', 'QuestionnaireResponse', 0, '1',
                                                 'The assessment, where the type is asked and not one that is held.'),
                                       parameter('return', 'out', 'Bundle', 0, '1', 'A transaction that puts them into another server.'),
                                       parameter('issues', 'out', 'OperationOutcome', 0, '1', 'That there is none.')]),
    'Measure-evaluate-measure': ('EvaluateMeasure', 'Measure', 'evaluate-measure', False,
                                 'How many people are in each cell of an outcome indicator in a calendar year that has ended. The cells '
                                 'are fixed; small numbers are masked, the others rounded.',
                                 [parameter('periodStart', 'in', 'date', 1, '1', 'The first day of the year.'),
                                  parameter('periodEnd', 'in', 'date', 1, '1', 'The last day of the same year.'),
                                  parameter('reportType', 'in', 'code', 0, '1', 'summary, or population, which is the same.'),
                                  parameter('return', 'out', 'MeasureReport', 1, '1', 'The numbers.')]),
    'Patient-explain': ('Explain', 'Patient', 'explain', False,
                        'What a caller would be permitted to see of a person, class by class, and by which consent or law.',
                        [parameter('return', 'out', 'Parameters', 1, '1', 'The decision for each class.')]),
    'Consent-import': ('ImportConsent', 'Consent', 'import', True, 'Writes a Consent of another form, read conservatively.',
                       [parameter('resource', 'in', 'Consent', 1, '1', 'The Consent.'),
                        parameter('return', 'out', 'Consent', 1, '1', 'What was written.')]),
    'Consent-receipt': ('ConsentReceipt', 'Consent', 'receipt', False, "The citizen's receipt of a Consent.",
                        [parameter('return', 'out', 'Any', 1, '1', 'The receipt, to be kept or printed.')]),
}


# asked of a type and of one resource
BOTH = ['QuestionnaireResponse-extract']


def operation(name):
    title, kind, code, on_type, description, parameters = OPERATIONS[name]
    more = {'affectsState': True} if code == 'import' else {}
    return conformance('OperationDefinition', title, f'${code} of {kind}', description, id=name, kind='operation', **more, code=code,
                       resource=[kind], system=False, type=on_type, instance=name in BOTH or not on_type, parameter=parameters)


# title, what is counted; code: of the FHIRPath of a person's Observations of one theme in the year
SATISFACTION = "Observation.where(code.coding.code = '{theme}.satisfaction' and (status = 'final' or status = 'amended'))"
ONES = SATISFACTION + '.value'
MEASURES = {
    'change': ('Change of satisfaction by theme', 'How many people were more, as or less satisfied with a theme of their life at the end of a '
               'year than at its beginning: their last assessment of the year and their first.',
               {'worse': f'{ONES}.last() < {ONES}.first()', 'same': f'{ONES}.count() > 1 and {ONES}.last() = {ONES}.first()',
                'better': f'{ONES}.last() > {ONES}.first()'}),
    'wellbeing': ('Satisfaction by theme', 'How many people were satisfied with a theme of their life, unsatisfied or in between, when they last '
                  'said so in a year.',
                  {'unsatisfied': f'{ONES}.last() <= 3', 'between': f'{ONES}.last() > 3 and {ONES}.last() < 7',
                   'satisfied': f'{ONES}.last() >= 7'}),
}
GUIDANCE = ('People are counted by what their consent or a law lets the caller see for the purpose HOUTCOMS, in each municipality that holds '
            'something of them, by their age on the last day of the year. Fewer than 5 are masked, zero too; other numbers are rounded to '
            'multiples of 5. The number of a county is the sum of what is told of its municipalities and of the rest, rounded, and is '
            'masked unless that rest leaves each masked number free. There is no number over all themes.')


def measure(name, themes):
    title, description, classes = MEASURES[name]

    def of(code):
        return {'coding': [{'system': f'{BASE}/CodeSystem/indicator', 'code': code}]}

    def by(code, path, **criteria):
        return {'code': of(code), 'criteria': {**criteria, 'language': 'text/fhirpath', 'expression': path}}

    def group(theme):
        populations = [by(code, path.replace('{theme}', theme)) for code, path in classes.items()]
        node = "Patient.id.replaceMatches('[.].*', '')"
        age = by('age-group', 'Patient.birthDate', description='Age on the last day of the year.')
        places = (by('municipality', node, description='The gateway that holds the data.'),
                  by('county', node, description='The county of the municipality, as the directory of the gateway that is asked has it.'))
        return {'code': {'coding': [{'system': f'{BASE}/CodeSystem/theme', 'code': theme}]}, 'population': populations,
                'stratifier': [{'component': [place, age]} for place in places]}

    resource = {'system': f'{FHIR}/resource-types', 'code': 'Patient'}
    terms = 'http://terminology.hl7.org/CodeSystem'
    return conformance('Measure', f'MyLifeMeasure{camel(name)}', title, description, id=name,
                       subjectCodeableConcept={'coding': [resource]},
                       scoring={'coding': [{'system': f'{terms}/measure-scoring', 'code': 'proportion'}]},
                       improvementNotation={'coding': [{'system': f'{terms}/measure-improvement-notation', 'code': 'increase'}]},
                       guidance=GUIDANCE, group=[group(theme) for theme in themes])


# what a client may be told of: title, what happens, type of what it is about
TOPICS = {
    'assessment-completed': ('Assessment completed', 'A life assessment is completed, or a completed one is corrected.',
                             'QuestionnaireResponse'),
    'case-manager-changed': ('Case manager changed', 'The case manager of a welfare plan is named, or another than before.', 'CareTeam'),
    'consent-changed': ('Consent changed', 'A consent is given, changed or withdrawn.', 'Consent'),
    'plan-changed': ('Plan changed', 'A welfare plan is made or changed.', 'CarePlan'),
}
SEEN = ('It is an event if the subscriber sees it so and did not before: what it may not see is none, and what it is let see '
        'from now on is one.')
# the elements that the Backport guide takes from R4B, whose topics are as those of R5
OF_R4B = ['canFilterBy', 'notificationShape', 'resourceTrigger']


def topic(name):
    """A SubscriptionTopic as R4 has it: a Basic with its elements as extensions (Subscriptions R5 Backport)."""
    title, say, kind = TOPICS[name]

    def element(name, **value):
        version = '4.3' if name in OF_R4B else '5.0'
        return {'url': f'{FHIR}/{version}/StructureDefinition/extension-SubscriptionTopic.{name}', **value}

    def parts(*parts):
        return [{'url': name, **value} for name, value in parts]

    of_type = ('resource', {'valueUri': f'{FHIR}/StructureDefinition/{kind}'})
    return {'resourceType': 'Basic', 'id': name, 'language': 'en',
            'text': {'status': 'generated', 'div': f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{title}. {say} {SEEN}</p></div>'},
            'extension': [
                element('url', valueUri=f'{BASE}/SubscriptionTopic/{name}'),
                element('version', valueString=VERSION),
                element('name', valueString=f'MyLife{camel(name)}'),
                element('title', valueString=title),
                element('date', valueDateTime=DATE),
                element('publisher', valueString='My Life gateway'),
                element('description', valueMarkdown=f'{say} {SEEN}'),
                element('resourceTrigger', extension=parts(
                    ('description', {'valueMarkdown': say}), of_type,
                    ('supportedInteraction', {'valueCode': 'create'}), ('supportedInteraction', {'valueCode': 'update'}))),
                element('canFilterBy', extension=parts(
                    ('description', {'valueMarkdown': 'By the people whom it is about, up to 100 of them: required.'}), of_type,
                    ('filterParameter', {'valueString': 'patient'}))),
                element('notificationShape', extension=parts(of_type))],
            'modifierExtension': [element('status', valueCode='active')],
            'code': {'coding': [{'system': f'{FHIR}/fhir-types', 'code': 'SubscriptionTopic'}]}}


def survey():
    with open(WORDS, encoding='utf-8') as file:
        words = json.load(file)['themes']
    themes = {word['code']: tuple(word['name'][language] for language in ('en', 'fi', 'sv')) for word in words}
    items = {f'{theme}.{facet}': tuple(f'{a}: {b}' for a, b in zip(word, names))
             for theme, word in themes.items() for facet, names in FACETS.items()}
    return themes, items


# Whose artefacts ours name: package, version, canonical of the guide.
DEPENDS = {
    'finnish': ('hl7.fhir.fi.base', '1.0.0', f'{FINNISH}/ImplementationGuide/hl7.fhir.fi.base'),
    'bulk': ('hl7.fhir.uv.bulkdata', '2.0.0', f'{FHIR}/uv/bulkdata/ImplementationGuide/hl7.fhir.uv.bulkdata'),
    'backport': ('hl7.fhir.uv.subscriptions-backport', '1.1.0',
                 f'{FHIR}/uv/subscriptions-backport/ImplementationGuide/hl7.fhir.uv.subscriptions-backport'),
}


def examples():
    """What a gateway gave out of a person who does not exist, one resource a line; made by a test, which keeps it so."""
    if not os.path.exists(EXAMPLES):
        return []
    with open(EXAMPLES, encoding='utf-8') as file:
        return [json.loads(row) for row in file]


def said(one, name):
    """What a published resource says of itself; a topic says it by an extension."""
    parts = (part for part in one.get('extension', []) if part['url'].endswith(name))
    return one.get(name) or next(next(v for k, v in part.items() if k.startswith('value')) for part in parts)


def implementation_guide(all_of_it):
    ours = [{'reference': {'reference': f'{one["resourceType"]}/{one["id"]}'}, 'name': said(one, 'title'),
             'description': said(one, 'description'), 'exampleBoolean': False} for one in all_of_it]
    given = [{'reference': {'reference': f'{one["resourceType"]}/{one["id"]}'}, 'name': f'Example of {one["meta"]["profile"][0]}',
              'exampleCanonical': one['meta']['profile'][0]} for one in examples()]
    return conformance('ImplementationGuide', 'MyLifeGateway', 'My Life gateway',
                       'Life assessments and welfare plans in FHIR R4, as the My Life gateways exchange them. Its examples are served '
                       'under /schemas/examples by the id of their profile: mylife-goal.json.', id='mylife',
                       packageId='example.mylife.gateway', license='Apache-2.0', fhirVersion=['4.0.1'],
                       dependsOn=[{'id': name, 'uri': uri, 'packageId': package, 'version': version}
                                  for name, (package, version, uri) in DEPENDS.items()],
                       definition={'resource': ours + given})


def resources():
    own = list(artefacts())
    yield from own
    yield implementation_guide(own)


def artefacts():
    themes, items = survey()
    systems = {'theme': ('Themes', 'The ten themes of the 3X10D survey.', themes),
               '3x10d': ('Items of 3X10D', 'Themes by viewpoint.', items), **SYSTEMS}
    yield from profiles()
    yield from (extension_definition(name) for name in EXTENSIONS)
    for name, (title, description, codes) in systems.items():
        yield system(name, title, description, codes)
        yield value_set(name, title)
    yield from (subset(name) for name in SUBSETS)
    yield from (elsewhere(name) for name in ELSEWHERE)
    yield value_set('healthcare-service', ELSEWHERE['healthcare-service'][0])
    yield concept_map()
    yield from (operation(name) for name in OPERATIONS)
    yield from (measure(name, themes) for name in MEASURES)
    yield from (topic(name) for name in TOPICS)


def main():
    with open(OUT, 'w', encoding='utf-8', newline='\n') as file:
        for resource in resources():
            file.write(json.dumps(resource, ensure_ascii=False, separators=(',', ':')) + '\n')
    print(f'{OUT}: {os.path.getsize(OUT)} bytes')


if __name__ == '__main__':
    main()

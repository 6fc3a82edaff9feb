#!/usr/bin/env python3
"""Asks Helm itself what the chart of deploy/helm makes, and Kubernetes' own schemas whether that is what they want.

    python3 tests/judges/chart.py HELM

HELM is the program. The chart is linted and rendered with what is built in, with everything turned on, and with what it
must refuse. Exit 1 if something is wrong. What monitoring brings itself (PrometheusRule, ServiceMonitor) has no schema
there; it is held against the files it is made of.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / 'deploy/helm/mylife'
# The oldest that the chart says it is for, and the newest that the schemas know.
VERSIONS = ('1.29', '1.37')
FOREIGN = ('PrometheusRule', 'ServiceMonitor')
SHARED = '[store]\nkind = "postgres"\nurl = "postgresql://db:5432/mylife"\n[shared]\nkind = "redis"\n'
ALL = {
    'prometheusRule.enabled': 'true', 'dashboard.enabled': 'true', 'serviceMonitor.enabled': 'true',
    'prometheusRule.labels.release': 'p', 'serviceMonitor.labels.release': 'p', 'storage.class': 'fast',
    'networkPolicy.from[0].ipBlock.cidr': '10.0.0.0/8', 'networkPolicy.to[0].ipBlock.cidr': '10.0.0.0/8',
    'nodeSelector.disk': 'ssd', 'tolerations[0].key': 'care', 'tolerations[0].operator': 'Exists',
    'service.type': 'LoadBalancer', 'service.annotations.one': 'two', 'replicas': '3',
}

wrong = []


def holds(what, is_so):
    print(f'{"ok" if is_so else "WRONG":6}{what}')
    if not is_so:
        wrong.append(what)


class Helm:
    def __init__(self, program, home):
        self.program, self.home = program, Path(home)

    def __call__(self, *words):
        homes = {f'HELM_{name}_HOME': str(self.home / name) for name in ('CACHE', 'CONFIG', 'DATA')}
        return subprocess.run([self.program, *words], env=homes, capture_output=True, text=True, check=False)

    def rendered(self, config, settings, files=()):
        """What the chart makes, by kind and name; or why it makes nothing."""
        words = []
        for name, text in [('config', config), *files]:
            path = self.home / 'said'
            path = path.with_suffix(f'.{len(words)}')
            path.write_bytes(text)
            words += ['--set-file', f'{name}={path}']
        for name, value in settings.items():
            words += ['--set', f'{name}={value}']
        said = self('template', 'kuopio', str(CHART), *words)
        if said.returncode:
            return said.stderr
        made = [one for one in yaml.safe_load_all(said.stdout) if one]
        for one in made:
            named = f'{one["kind"]} {one["metadata"]["name"]}'
            for version in () if one['kind'] in FOREIGN else VERSIONS:
                try:
                    kubernetes_validate.validate(one, version, strict=True)
                    holds(f'{named} is as Kubernetes {version} wants it', True)
                except kubernetes_validate.ValidationError as why:
                    holds(f'{named} is as Kubernetes {version} wants it: {why.message}', False)
        return {(one['kind'], one['metadata']['name']): one for one in made}


def environment(made):
    container = made['StatefulSet', 'kuopio']['spec']['template']['spec']['containers'][0]
    return {one['name']: one.get('value') for one in container['env']}


def main(program):
    with tempfile.TemporaryDirectory() as home:
        helm = Helm(program, home)
        said = helm('lint', '--strict', str(CHART))
        holds(f'helm lint --strict {said.stdout.strip().splitlines()[-1:]}', said.returncode == 0)
        said = helm('template', 'kuopio', str(CHART))
        holds('nothing is made without settings', said.returncode and 'config: the whole of gateway.toml' in said.stderr)
        alone = (ROOT / 'config/municipality.toml').read_bytes()
        law = (ROOT / 'config/law.toml').read_bytes()
        made = helm.rendered(alone, {}, [('files.law\\.toml', law)])
        told = made['ConfigMap', 'kuopio']['data']
        holds('the settings arrive as they were written', told['gateway.toml'].encode() == alone)
        holds('so does the law table', told['law.toml'].encode() == law)
        holds('one replica is told that it is alone', environment(made).get('MYLIFE__SHARED__REPLICAS') == '1')
        made = helm.rendered(alone, {'replicas': '3'})
        holds('several replicas of one file each are refused', isinstance(made, str) and 'several replicas need' in made)
        made = helm.rendered(SHARED.encode(), ALL)
        holds('each of three is told so', environment(made).get('MYLIFE__SHARED__REPLICAS') == '3')
        rules = yaml.safe_load((ROOT / 'deploy/prometheus/alerts.yaml').read_text())
        holds('the alerts arrive whole', made['PrometheusRule', 'kuopio']['spec'] == rules)
        board = json.loads((ROOT / 'deploy/grafana/mylife.json').read_text())
        arrived = json.loads(made['ConfigMap', 'kuopio-dashboard']['data']['mylife.json'])
        holds('so does the dashboard', arrived == board)
        holds('what is scraped is the management Service', scraped(made))
    return 1 if wrong else 0


def scraped(made):
    monitor = made['ServiceMonitor', 'kuopio']['spec']
    labels = made['Service', 'kuopio-management']['metadata']['labels'].items()
    ports = [port['name'] for port in made['Service', 'kuopio-management']['spec']['ports']]
    return monitor['selector']['matchLabels'].items() <= labels and monitor['endpoints'][0]['port'] in ports


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))

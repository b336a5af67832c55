import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '@kmemlab/coordinator';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inRoot = (path: string): string => join(root, path);

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Record<string, unknown>;
}

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(inRoot('test/deploy/.check-'));
});

afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const manifestsOf = (yaml: string): Manifest[] =>
  parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);

/** The compiler's complaints about manifests, each taken for what it says it is. */
function complaints(manifests: readonly Manifest[]): string {
  const lines = manifests.map((manifest, index) => {
    const { apiVersion, kind } = manifest;
    const module = apiVersion === 'v1' ? 'core/v1' : apiVersion.replace('.k8s.io', '');
    return `export const m${index}: import('kubernetes-types/${module}').${kind} = ${JSON.stringify(manifest)};\n`;
  });
  const file = join(scratch, 'manifests.ts');
  writeFileSync(file, lines.join(''));
  const resolution = ['--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
  const flags = ['--ignoreConfig', '--strict', '--noEmit', '--skipLibCheck', ...resolution];
  try {
    execFileSync(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), ...flags, file], { encoding: 'utf8' });
    return '';
  } catch (error) {
    return (error as { stdout?: string }).stdout || String(error);
  }
}

describe('the Kubernetes manifests', () => {
  const base = ['namespace', 'nats', 'coordinator', 'node', 'job', 'network-policy'];

  test('are what they say they are, field by field', () => {
    const manifests = base.flatMap((name) => manifestsOf(readFileSync(inRoot(`deploy/k8s/base/${name}.yaml`), 'utf8')));
    expect(complaints(manifests)).toBe('');
    const wrong = manifests.map((manifest) => ({ ...manifest, spec: { ...manifest.spec, replicaz: 1 } }));
    expect(complaints(wrong)).toMatch(/replicaz/);
  });

  const kubectl = findProgram('kubectl', process.env);

  test.skipIf(kubectl === undefined).each(['local', 'cluster'])(
    'rendered by kubectl in the overlay %s are still what they say',
    (overlay) => {
      const copy = join(scratch, 'deploy');
      execFileSync('cp', ['-R', inRoot('deploy'), copy]);
      writeFileSync(join(copy, 'k8s/overlays/local/token.env'), 'KMEMLAB_NATS_TOKEN=x\n');
      const rendered = execFileSync(kubectl as string, ['kustomize', join(copy, 'k8s/overlays', overlay)], {
        encoding: 'utf8',
      });
      const manifests = manifestsOf(rendered);
      expect(complaints(manifests)).toBe('');
      const kinds = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name.replace(/-[a-z0-9]{10}$/, '')}`);
      for (const wanted of [
        'StatefulSet node',
        'StatefulSet nats',
        'Deployment coordinator',
        'Job avoid-ipis',
        'ConfigMap nats-config',
      ])
        expect(kinds).toContain(wanted);
      const replicas = manifests.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'node')?.spec
        ?.replicas;
      expect(replicas).toBe(overlay === 'cluster' ? 4 : 2);
    },
  );
});

test('the compose file has the parts of a laboratory, none of them as root with capabilities', () => {
  const { services } = parse(readFileSync(inRoot('deploy/compose/compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, { read_only?: boolean; cap_drop?: string[] }>;
  };
  expect(Object.keys(services).sort()).toEqual(['coordinator', 'job', 'nats', 'node']);
  for (const service of Object.values(services)) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
});

test('the Dockerfile knows every package', () => {
  const lock = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')) as { packages: Record<string, unknown> };
  const own = Object.keys(lock.packages).filter((path) => /^(packages|services)\//.test(path));
  const dockerfile = readFileSync(inRoot('deploy/docker/Dockerfile'), 'utf8');
  for (const path of own) expect(dockerfile).toContain(`COPY ${path}/package.json ${path}/`);
});

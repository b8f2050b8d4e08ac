import { globSync } from 'node:fs';

/** Every file of ours under `root`, by its path from there; nothing that is generated, installed or kept beside a run. */
export const sourceFiles = (root: string): readonly string[] =>
  globSync('{apps,libs,infra,tools,docs}/**/*', {
    cwd: root,
    withFileTypes: true,
    exclude: (entry) => ['node_modules', 'generated', '.data', '.stack', '.nx'].includes(entry.name),
  })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.slice(root.length)}/${entry.name}`.replaceAll('\\', '/').replace(/^\/+/, ''))
    .sort();

/** Programs with a shape of their own: one forwards bytes, one composes the others. */
const shapeless = new Set(['gateway', 'standalone', 'web']);
const shape = /^(main|service|inbound|outbound)\.ts$|^(routes|imports|commands|domain|store|views)(\.ts|\/[^/]+\.ts)$|^[^/]+\.(spec|fixture)\.ts$/;
const nothingNames = /^(utils?|commons?|helpers?|core|shared|misc)$/;
const kebab = /^[a-z0-9]+(-[a-z0-9]+)*$/;

const problemsOf = (path: string): string[] => {
  const parts = path.split('/');
  const names = parts.map((part) => part.split('.')[0] as string);
  const found: string[] = [];
  for (const name of names) {
    for (const word of name.split('-')) if (nothingNames.test(word)) found.push(`${path}: "${word}" says nothing about what is in it`);
  }
  if (!path.endsWith('.ts')) return found;
  const stem = names.at(-1) as string;
  if (stem === 'index') found.push(`${path}: no barrels and no index files; the file is named after what it has`);
  if (!kebab.test(stem)) found.push(`${path}: files are named in kebab-case`);
  // The one is what a service is composed of, the other makes services.
  if (/(-|^)(service|manager|helper|impl|base)$/.test(stem) && !['service', 'new-service'].includes(stem))
    found.push(`${path}: a file is named after a thing, not a role`);
  const [top, app, source, ...inside] = parts;
  if (top === 'apps' && app && !shapeless.has(app) && source === 'src' && !shape.test(inside.join('/'))) {
    found.push(`${path}: not part of the one shape of a service (main service routes inbound imports commands domain store outbound views)`);
  }
  return found;
};

/** What is wrong with the names and places of these files, one sentence each. */
export const treeProblems = (paths: readonly string[]): readonly string[] => paths.flatMap(problemsOf);

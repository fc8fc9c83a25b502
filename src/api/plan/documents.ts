import { parseAllDocuments } from 'yaml';
import { PerdureError } from '../../domain/errors.js';
import { isObject } from '../../domain/json.js';
import type { KubeObject } from '../types/meta.js';

const refuse = (message: string): PerdureError => new PerdureError('InvalidConfiguration', message);

/**
 * The objects of a manifest, YAML or JSON, lists taken apart, in order. Throws `InvalidConfiguration` naming the document for anything that is no object
 * with a name.
 */
export function readDocuments(text: string): KubeObject[] {
  const documents = parseAllDocuments(text);
  const objects = (Array.isArray(documents) ? documents : []).flatMap((document, i) => {
    const [problem] = document.errors;
    if (problem) throw refuse(`document ${i + 1} of the manifest is no YAML: ${problem.message.split('\n')[0]}`);
    const value: unknown = document.toJS();
    return value === null || value === undefined ? [] : itemsOf(value, `document ${i + 1}`);
  });
  if (objects.length === 0) throw refuse('the manifest holds no object; give the file that you would apply');
  const seen = new Set<string>();
  for (const { apiVersion, kind, metadata } of objects) {
    const id = `${apiVersion.split('/')[0]}/${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
    if (seen.has(id)) throw refuse(`${kind} ${metadata.name} is twice in the manifest; leave one of them out`);
    seen.add(id);
  }
  return objects;
}

function itemsOf(value: unknown, where: string): KubeObject[] {
  if (!isObject(value)) throw refuse(`${where} of the manifest is no object`);
  const { kind, apiVersion, items, metadata } = value;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string')
    throw refuse(`${where} of the manifest has no kind and apiVersion`);
  if (kind === 'List' && Array.isArray(items))
    return items.flatMap((item, i) => itemsOf(item, `${where}, item ${i + 1},`));
  if (!isObject(metadata) || typeof metadata['name'] !== 'string')
    throw refuse(`${where} of the manifest, a ${kind}, has no metadata.name: what has no name yet cannot be planned`);
  return [value as unknown as KubeObject];
}

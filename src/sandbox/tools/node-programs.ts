import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ToolName } from './catalog.js';

/** Programs that make a machine a node of its Kubernetes version. */
export const NODE_PROGRAMS = ['kubelet', 'kubeadm'] as const satisfies readonly ToolName[];

const VERSIONS_DIR = 'opt/kubernetes';

/** Where they are found; kubeadm's own place is taken by a wrapper out of the tree's assets. */
const PLACES: Readonly<Record<(typeof NODE_PROGRAMS)[number], string>> = {
  kubelet: 'usr/bin/kubelet',
  kubeadm: 'usr/libexec/kubeadm',
};

/** Directory of a machine's root tree that holds the programs of one version. */
export function nodeProgramsDir(version: string): string {
  return `${VERSIONS_DIR}/${version}`;
}

/** Path → target of the links that make a machine one of `version`. */
export function nodeProgramLinks(version: string): Record<string, string> {
  return Object.fromEntries(NODE_PROGRAMS.map((name) => [PLACES[name], `/${nodeProgramsDir(version)}/${name}`]));
}

/** The Kubernetes versions that machines laid over `tree` can run, as `v1.2.3`. */
export function versionsInTree(tree: string): string[] {
  return readdirSync(join(tree, VERSIONS_DIR)).sort();
}
